"""A tiny GGUF file, written by hand."""

import struct


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def pair(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def small_gguf(*, version=3, tensors=((("token_embd.weight"), (4, 32), 8),), extra=b"", count=None, pad=0):
    """Return the bytes of a GGUF file with these tensors: (name, shape with rows first, type)."""
    pairs = [
        pair("general.architecture", 8, text("llama")),
        pair("llama.context_length", 4, struct.pack("<I", 128)),
        pair("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + text("a") + text("盆")),
        pair("tokenizer.ggml.scores", 9, struct.pack("<IQ2f", 6, 2, 0.5, 1.5)),
    ]
    sizes = {0: 4, 2: 18 / 32, 8: 34 / 32}
    infos, data = b"", b""
    for name, shape, kind in tensors:
        size = int(shape[0] * shape[1] * sizes[kind])
        data += bytes(-len(data) % 32)
        infos += text(name) + struct.pack("<I2QIQ", 2, shape[1], shape[0], kind, len(data))
        data += bytes(size)
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors) if count is None else count, len(pairs))
    head += b"".join(pairs) + extra + infos
    return head + bytes(-len(head) % 32) + data[: len(data) - pad]
