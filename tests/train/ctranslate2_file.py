"""Models as CTranslate2 stores them, made in the test."""

from __future__ import annotations

import struct

import numpy as np

_TYPES = {np.dtype(np.float32): 0, np.dtype(np.int8): 1, np.dtype(np.int32): 3, np.dtype(np.float16): 4}


def ctranslate2_file(variables):
    """Return the bytes of a model.bin of version 6."""
    name = b"WhisperSpec\0"
    parts = [struct.pack("<IH", 6, len(name)), name, struct.pack("<II", 3, len(variables))]
    for called, value in variables.items():
        encoded = called.encode() + b"\0"
        parts += [struct.pack("<H", len(encoded)), encoded, struct.pack("<B", value.ndim)]
        parts += [struct.pack("<I", size) for size in value.shape]
        parts += [struct.pack("<BI", _TYPES[value.dtype], value.nbytes), value.tobytes()]
    return b"".join([*parts, struct.pack("<I", 0)])


def whisper_variables(model, kind):
    """Return the encoder of transformers' Whisper by the names that CTranslate2 gives its weights."""
    encoder = model.model.encoder
    found = {"encoder/num_heads": np.array(encoder.config.encoder_attention_heads, np.int8)}

    def pair(name, layer, weight="weight", bias="bias"):
        found[f"{name}/{weight}"] = layer.weight.detach().numpy()
        found[f"{name}/{bias}"] = layer.bias.detach().numpy()

    pair("encoder/conv1", encoder.conv1)
    pair("encoder/conv2", encoder.conv2)
    pair("encoder/layer_norm", encoder.layer_norm, "gamma", "beta")
    found["encoder/position_encodings/encodings"] = encoder.embed_positions.weight.detach().numpy()
    for number, layer in enumerate(encoder.layers):
        name, attention = f"encoder/layer_{number}", layer.self_attn
        pair(f"{name}/self_attention/layer_norm", layer.self_attn_layer_norm, "gamma", "beta")
        pair(f"{name}/self_attention/linear_1", attention.out_proj)
        pair(f"{name}/ffn/layer_norm", layer.final_layer_norm, "gamma", "beta")
        pair(f"{name}/ffn/linear_0", layer.fc1)
        pair(f"{name}/ffn/linear_1", layer.fc2)
        three = (attention.q_proj, attention.k_proj, attention.v_proj)
        biases = [np.zeros(encoder.config.d_model, np.float32) if one.bias is None else one.bias for one in three]
        found[f"{name}/self_attention/linear_0/weight"] = np.concatenate([one.weight.detach().numpy() for one in three])
        found[f"{name}/self_attention/linear_0/bias"] = np.concatenate(
            [bias if isinstance(bias, np.ndarray) else bias.detach().numpy() for bias in biases]
        )
    return {name: value if value.dtype == np.int8 else value.astype(kind) for name, value in found.items()}
