"""llama.cpp through xllamacpp (extra `llamacpp`): GGUF files on the CPU, without torch. Runs in a child process."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from penjing.engines.text.base import Chunk, Event, FinishReason, Sampling, TextRequest, Usage, too_long
from penjing.engines.text.callback import called_back
from penjing.errors import EngineError, MissingExtraError
from penjing.gguf.header import read_header

_REPACKED = frozenset({"Q2_K", "Q4_0", "Q4_K", "IQ4_NL"})
"""Types that llama.cpp copies into an order of its own on x86 (ggml-cpu/repack.cpp); on ARM there are more of them."""
_CACHE_MB = 256
"""Of prompts that were read, kept in case one like them comes again; llama.cpp's own limit is 8 GB."""
_RANDOM = -1  # llama.cpp's own word for a seed by chance
_FINISHED: dict[str, FinishReason] = {"stop": "stop", "length": "length"}


class LlamaCpp:
    """Runs a GGUF file.

    Raises:
        ModelError: the file is damaged.
        EngineError: llama.cpp cannot load it.
        MissingExtraError: xllamacpp is not installed.
    """

    name = "llamacpp"

    def __init__(self, path: Path, *, threads: int, context: int, parallel: int = 1) -> None:
        try:
            import xllamacpp
        except ImportError:
            raise MissingExtraError("xllamacpp", extra="llamacpp") from None
        settings = settings_of(path, threads=threads, context=context, parallel=parallel)
        settings.api_keys = [secrets.token_urlsafe(32)]  # it listens on a local port that nobody is meant to use
        self._context, self.parallel = context, parallel
        try:
            self._server = xllamacpp.Server(settings)
        except RuntimeError as error:
            raise EngineError("llama.cpp cannot load the model", value=str(path), rule=str(error)) from None

    def stream(self, request: TextRequest) -> Iterator[Event]:
        """Yield the answers one after another, each with a seed of its own."""
        for index in range(request.n):
            yield from self._one(request, index)

    def close(self) -> None:
        """Do nothing: the process that holds it ends."""

    def _one(self, request: TextRequest, index: int) -> Iterator[Event]:
        body = _body(request.sampling, index)
        if request.messages:
            answer, body = self._server.handle_chat_completions, body | _conversation(request)
        else:
            answer, body = self._server.handle_completions, body | _continuation(request)
        usage = Usage(None, None)
        parts: Generator[dict[str, Any]] = called_back(lambda hear: answer(body, hear), engine="llama.cpp")
        for part in parts:
            if "error" in part:
                raise _error(part["error"], context=self._context)
            usage = _usage(part) or usage
            if part["choices"] and (chunk := _chunk(part["choices"][0], index)) != Chunk(index, ""):
                yield chunk
        yield usage


def settings_of(path: Path, *, threads: int, context: int, parallel: int) -> Any:
    """Return llama.cpp's settings for a file.

    Raises:
        ModelError: the file is damaged.
    """
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    if any(tensor.type_name in _REPACKED for tensor in read_header(path).tensors):
        settings.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE  # mapped, they would be held twice
    settings.n_ctx, settings.n_parallel = context * parallel, parallel
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    settings.use_jinja, settings.verbosity, settings.cache_ram_mib = True, 0, _CACHE_MB
    return settings


def _body(sampling: Sampling, index: int) -> dict[str, Any]:
    return {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k or 0,
        "min_p": 0.0,
        "seed": _RANDOM if sampling.seed is None else (sampling.seed + index) % 2**32,
        "stop": list(sampling.stop),
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def _conversation(request: TextRequest) -> dict[str, Any]:
    body: dict[str, Any] = {"messages": [{"role": found.role, "content": found.content} for found in request.messages]}
    if (schema := request.sampling.schema) is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return body


def _continuation(request: TextRequest) -> dict[str, Any]:
    schema = {} if request.sampling.schema is None else {"json_schema": request.sampling.schema}
    return {"prompt": request.prompt} | schema


def _chunk(choice: dict[str, Any], index: int) -> Chunk:
    text = choice["delta"].get("content") if "delta" in choice else choice["text"]
    reason = choice.get("finish_reason")
    return Chunk(index, text or "", None if reason is None else _FINISHED.get(reason, "stop"))


def _usage(part: dict[str, Any]) -> Usage | None:
    found, times = part.get("usage"), part.get("timings", {})
    if not found:
        return None
    return Usage(
        prompt_tokens=found["prompt_tokens"],
        completion_tokens=found["completion_tokens"],
        prefill_s=times["prompt_ms"] / 1e3 if "prompt_ms" in times else None,
        decode_s=times["predicted_ms"] / 1e3 if "predicted_ms" in times else None,
    )


def _error(found: dict[str, Any], *, context: int) -> EngineError:
    if "n_prompt_tokens" in found:
        return too_long(prompt_tokens=found["n_prompt_tokens"], context=found.get("n_ctx", context))
    theirs = found.get("type") == "server_error" or found.get("code", 400) >= 500
    what = "llama.cpp failed" if theirs else "llama.cpp refuses the request"
    return EngineError(what, value=found.get("message", str(found)))
