"""OpenVINO GenAI (extra `openvino`): GGUF files and OpenVINO folders on the CPU. Runs in a child process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penjing.engines.text.base import Chunk, Event, FinishReason, Sampling, TextRequest, Usage, too_long
from penjing.engines.text.callback import Hear, called_back
from penjing.errors import EngineError, MissingExtraError

_NAME = "OpenVINO GenAI"


class OpenVinoGenAi:
    """Runs a GGUF file or a folder with openvino_model.xml."""

    name = "openvino-genai"
    parallel = 1

    def __init__(self, path: Path, *, threads: int, context: int) -> None:
        try:
            import openvino_genai
        except ImportError:
            raise MissingExtraError("openvino-genai", extra="openvino") from None
        self._library, self._context = openvino_genai, context
        try:
            self._pipeline = openvino_genai.LLMPipeline(str(path), "CPU", INFERENCE_NUM_THREADS=threads)
        except (RuntimeError, IndexError) as error:
            raise EngineError(f"{_NAME} cannot load the model", value=str(path), rule=str(error)) from None

    def stream(self, request: TextRequest) -> Iterator[Event]:
        """Yield the answers one after another, each with a seed of its own."""
        prompt = self._prompt(request)
        tokens = int(self._pipeline.get_tokenizer().encode(prompt, add_special_tokens=False).input_ids.shape[1])
        if tokens >= self._context:
            raise too_long(prompt_tokens=tokens, context=self._context)
        for index in range(request.n):
            yield from self._one(prompt, request.sampling, index, room=self._context - tokens)

    def close(self) -> None:
        """Do nothing: the process that holds it ends."""

    def _prompt(self, request: TextRequest) -> str:
        if not request.messages:
            return request.prompt
        messages = [{"role": found.role, "content": found.content} for found in request.messages]
        history = self._library.ChatHistory(messages)
        return str(self._pipeline.get_tokenizer().apply_chat_template(history, add_generation_prompt=True))

    def _one(self, prompt: str, sampling: Sampling, index: int, *, room: int) -> Iterator[Event]:
        config, status = self._config(sampling, index, room=room), self._library.StreamingStatus
        results: list[Any] = []

        def run(hear: Hear[str]) -> None:
            found = self._pipeline.generate(
                [prompt], config, lambda text: status.CANCEL if hear(text) else status.RUNNING
            )
            results.append(found)

        for text in called_back(run, engine=_NAME):
            yield Chunk(index, text)
        yield Chunk(index, "", _reason(self._library, results[0]))
        yield _usage(results[0])

    def _config(self, sampling: Sampling, index: int, *, room: int) -> Any:
        config = self._library.GenerationConfig()
        config.max_new_tokens = min(sampling.max_tokens, room)
        config.apply_chat_template = False
        config.stop_strings = set(sampling.stop)
        if sampling.temperature > 0:
            config.do_sample, config.temperature, config.top_p = True, sampling.temperature, sampling.top_p
            config.rng_seed = _seed(sampling.seed, index)
            if sampling.top_k is not None:
                config.top_k = sampling.top_k
        if sampling.schema is not None:
            schema = self._library.StructuredOutputConfig(json_schema=json.dumps(sampling.schema))
            config.structured_output_config = schema
        return config


def _seed(seed: int | None, index: int) -> int:
    from secrets import randbits

    return randbits(31) if seed is None else (seed + index) % 2**31


def _reason(library: Any, result: Any) -> FinishReason:
    reasons = result.finish_reasons
    return "length" if reasons and reasons[0] == library.GenerationFinishReason.LENGTH else "stop"


def _usage(result: Any) -> Usage:
    metrics = result.perf_metrics
    first_s = metrics.get_ttft().mean / 1e3
    return Usage(
        prompt_tokens=metrics.get_num_input_tokens(),
        completion_tokens=metrics.get_num_generated_tokens(),
        prefill_s=first_s,
        decode_s=max(0.0, metrics.get_generate_duration().mean / 1e3 - first_s),
    )
