"""Transformers' Whisper from the weights of a packaged model: the reference that transcripts are compared with."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from penjing.sounds.read import RATE, Samples
from penjing.train.whisper_package import Variables, read_variables

_ENGLISH_ONLY = 51_864


def reference_decoder(content: bytes, tokenizer: Path, *, threads: int) -> Callable[[Samples], str]:
    """Return what decodes up to thirty seconds greedily, with timestamps, in float32."""
    import torch
    from tokenizers import Tokenizer
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

    torch.set_num_threads(threads)
    found = read_variables(content)
    config, state = _converted(found)
    model = WhisperForConditionalGeneration(config)
    missing = model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()}, strict=False)
    assert not missing.unexpected_keys, missing
    model.eval()
    pieces = Tokenizer.from_file(str(tokenizer))
    features = WhisperFeatureExtractor(feature_size=config.num_mel_bins)
    first_timestamp = pieces.token_to_id("<|notimestamps|>") + 1
    prompt = [pieces.token_to_id("<|startoftranscript|>")]
    if config.vocab_size != _ENGLISH_ONLY:
        prompt += [pieces.token_to_id("<|en|>"), pieces.token_to_id("<|transcribe|>")]

    def decode(samples: Samples) -> str:
        mels = features(samples, sampling_rate=RATE, return_tensors="pt").input_features
        tokens = _greedy(model, mels, prompt, end=config.eos_token_id, first_timestamp=first_timestamp)
        return str(pieces.decode([token for token in tokens if token < first_timestamp], skip_special_tokens=True))

    return decode


def _greedy(model: Any, mels: Any, prompt: list[int], *, end: int, first_timestamp: int, most: int = 224) -> list[int]:
    """Return the likeliest token after each, by Whisper's rules of timestamps (in pairs, never backwards)."""
    import torch

    with torch.inference_mode():
        encoded = model.model.encoder(mels)
        tokens, past = list(prompt), None
        for _ in range(most):
            step = tokens if past is None else tokens[-1:]
            output = model(
                encoder_outputs=encoded, decoder_input_ids=torch.tensor([step]), past_key_values=past, use_cache=True
            )
            past = output.past_key_values
            scores = output.logits[0, -1].float()
            _rule(scores, tokens[len(prompt) :], end=end, first_timestamp=first_timestamp)
            token = int(scores.argmax())
            if token == end:
                break
            tokens.append(token)
    return tokens[len(prompt) :]


def _rule(scores: Any, said: list[int], *, end: int, first_timestamp: int) -> None:
    """Rule out what Whisper never says there. Source: Radford et al. 2022, and its reference implementation's rules."""
    scores[first_timestamp - 1] = -np.inf
    scores[end + 1 : first_timestamp - 1] = -np.inf
    if not said:
        scores[:first_timestamp] = -np.inf
        scores[first_timestamp + 51 :] = -np.inf
        return
    timestamps = [token for token in said if token >= first_timestamp]
    last, before = said[-1] >= first_timestamp, len(said) < 2 or said[-2] >= first_timestamp
    if last and before:
        scores[first_timestamp:] = -np.inf
    elif last:
        scores[:end] = -np.inf
    if timestamps:
        lowest = timestamps[-1] + (0 if last and not before else 1)
        scores[first_timestamp:lowest] = -np.inf
    likely = scores.log_softmax(-1)
    if likely[first_timestamp:].logsumexp(-1) > likely[:first_timestamp].max():
        scores[:first_timestamp] = -np.inf


def _converted(found: Variables) -> tuple[Any, dict[str, Any]]:
    """Return the configuration and the weights, by the names that transformers gives them."""
    from transformers import WhisperConfig

    def layers(side: str) -> int:
        numbered = (re.match(rf"{side}/layer_(\d+)/", name) for name in found)
        return 1 + max(int(match[1]) for match in numbered if match)

    hidden, bands, _ = found["encoder/conv1/weight"].shape
    vocabulary = len(found["decoder/embeddings/weight"])
    english = vocabulary == _ENGLISH_ONLY
    heads, start = int(found["encoder/num_heads"]), 50257 if english else 50258
    config = WhisperConfig(
        vocab_size=vocabulary, d_model=hidden, encoder_layers=layers("encoder"), decoder_layers=layers("decoder"),
        encoder_attention_heads=heads, decoder_attention_heads=heads, encoder_ffn_dim=4 * hidden,
        decoder_ffn_dim=4 * hidden, num_mel_bins=bands, pad_token_id=start - 1, bos_token_id=start - 1,
        eos_token_id=start - 1, decoder_start_token_id=start,
    )  # fmt: skip
    state: dict[str, Any] = {}

    def put(new: str, old: str, weight: str = "weight", bias: str = "bias") -> None:
        state[f"{new}.weight"], state[f"{new}.bias"] = (_array(found, f"{old}/{kind}") for kind in (weight, bias))

    def attention(new: str, old: str, parts: str) -> None:
        for kind in ("weight", "bias"):
            for part, value in zip(parts, np.split(_array(found, f"{old}/{kind}"), len(parts)), strict=True):
                if (part, kind) != ("k", "bias"):
                    state[f"{new}.{part}_proj.{kind}"] = value.copy()

    for place in (1, 2):
        put(f"model.encoder.conv{place}", f"encoder/conv{place}")
    for side, count in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers)):
        state[f"model.{side}.embed_positions.weight"] = _array(found, f"{side}/position_encodings/encodings")
        put(f"model.{side}.layer_norm", f"{side}/layer_norm", "gamma", "beta")
        for layer in range(count):
            new, old = f"model.{side}.layers.{layer}", f"{side}/layer_{layer}"
            put(f"{new}.self_attn_layer_norm", f"{old}/self_attention/layer_norm", "gamma", "beta")
            attention(f"{new}.self_attn", f"{old}/self_attention/linear_0", "qkv")
            put(f"{new}.self_attn.out_proj", f"{old}/self_attention/linear_1")
            put(f"{new}.final_layer_norm", f"{old}/ffn/layer_norm", "gamma", "beta")
            put(f"{new}.fc1", f"{old}/ffn/linear_0")
            put(f"{new}.fc2", f"{old}/ffn/linear_1")
            if side == "decoder":
                put(f"{new}.encoder_attn_layer_norm", f"{old}/attention/layer_norm", "gamma", "beta")
                put(f"{new}.encoder_attn.q_proj", f"{old}/attention/linear_0")
                attention(f"{new}.encoder_attn", f"{old}/attention/linear_1", "kv")
                put(f"{new}.encoder_attn.out_proj", f"{old}/attention/linear_2")
    state["model.decoder.embed_tokens.weight"] = state["proj_out.weight"] = _array(found, "decoder/embeddings/weight")
    return config, state


def _array(found: Variables, name: str) -> Any:
    return found[name].astype(np.float32)
