"""PyTorch through transformers (extra `train`): a causal model's folder as the hub has it. Runs in a child process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penjing.engines.text.base import Chunk, Event, FinishReason, Sampling, TextRequest, Usage, too_long
from penjing.engines.text.callback import Hear, called_back
from penjing.engines.text.stops import before_stop, whole_characters
from penjing.errors import EngineError, MissingExtraError


class Transformers:
    """Runs a folder with config.json, safetensors and a tokenizer; never code of its own."""

    name = "transformers"
    parallel = 1

    def __init__(self, path: Path, *, threads: int, context: int) -> None:
        try:
            import torch
            import transformers
        except ImportError as error:
            raise MissingExtraError(error.name or "transformers", extra="hub") from None
        torch.set_num_threads(threads)
        self._torch, self._library = torch, transformers
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)
            self._model = transformers.AutoModelForCausalLM.from_pretrained(
                path, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
            ).eval()
        except (OSError, ValueError, KeyError) as error:
            raise EngineError("transformers cannot load the model", value=str(path), rule=str(error)) from None
        self._context = min(context, getattr(self._model.config, "max_position_embeddings", context))

    def stream(self, request: TextRequest) -> Iterator[Event]:
        """Yield the answers one after another, each with a seed of its own."""
        if request.sampling.schema is not None:
            raise EngineError(
                "transformers cannot hold an answer to a schema", next_step="Use --engine llamacpp or openvino-genai"
            )
        ids = self._ids(request)
        if ids.shape[1] >= self._context:
            raise too_long(prompt_tokens=int(ids.shape[1]), context=self._context)
        for index in range(request.n):
            yield from self._one(ids, request.sampling, index)

    def close(self) -> None:
        """Do nothing: the process that holds it ends."""

    def _ids(self, request: TextRequest) -> Any:
        if not request.messages:
            return self._tokenizer(request.prompt, return_tensors="pt")["input_ids"]
        messages = [{"role": found.role, "content": found.content} for found in request.messages]
        found = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        return found["input_ids"]

    def _one(self, ids: Any, sampling: Sampling, index: int) -> Iterator[Event]:
        room = min(sampling.max_tokens, self._context - int(ids.shape[1]))
        times, results = [time.monotonic()], list[Any]()

        def run(hear: Hear[str]) -> None:
            if sampling.seed is not None:
                self._torch.manual_seed(sampling.seed + index)
            streamer, stopped = _listeners(self._library, self._tokenizer, hear, times)
            found = self._model.generate(
                ids,
                attention_mask=self._torch.ones_like(ids),
                max_new_tokens=room,
                streamer=streamer,
                stopping_criteria=self._library.StoppingCriteriaList([stopped]),
                **_settings(sampling),
            )
            results.append(found[0, ids.shape[1] :])

        pieces = before_stop(whole_characters(called_back(run, engine="transformers")), sampling.stop)
        for text in pieces:
            yield Chunk(index, text)
        yield Chunk(index, "", _reason(results[0], self._model.generation_config, room))
        first, last = times[min(1, len(times) - 1)], times[-1]
        yield Usage(int(ids.shape[1]), len(times) - 1, prefill_s=first - times[0], decode_s=last - first)


def _settings(sampling: Sampling) -> dict[str, Any]:
    if sampling.temperature == 0:
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    return {
        "do_sample": True,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k or 0,
    }


def _reason(written: Any, config: Any, room: int) -> FinishReason:
    ends = config.eos_token_id
    ids = set(ends if isinstance(ends, list) else [ends])
    at_end = len(written) > 0 and int(written[-1]) in ids
    return "stop" if at_end or len(written) < room else "length"


def _listeners(library: Any, tokenizer: Any, hear: Hear[str], times: list[float]) -> tuple[Any, Any]:
    """Return what hands on text as it is written, and what ends generation when nobody listens any more."""
    closed = [False]

    class Told(library.TextStreamer):  # type: ignore[misc]
        """Hands whole characters to `hear`."""

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            closed[0] = hear(text) or closed[0]

    class Watch(library.StoppingCriteria):  # type: ignore[misc]
        """Notes when each token came."""

        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            times.append(time.monotonic())
            return input_ids.new_full((input_ids.shape[0],), closed[0], dtype=bool)

    return Told(tokenizer, skip_prompt=True, skip_special_tokens=True), Watch()
