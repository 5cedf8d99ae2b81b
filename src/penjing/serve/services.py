"""The models that are served, by name, and which one a request means."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from penjing.bundle.manifest import FileEntry, Manifest, Origin
from penjing.bundle.read import check_files, read_manifest
from penjing.bundle.write import stamp
from penjing.catalog.packages import ModelPackage, locate_parts, model_packages
from penjing.errors import TaskError
from penjing.generation.references import gguf_file, gguf_origin
from penjing.gguf import read_header
from penjing.serve.classifier import Classifier, open_classifier
from penjing.serve.files import FileClassifier, FileKind
from penjing.serve.life import Life
from penjing.serve.metrics import Metrics
from penjing.serve.problems import Problem, full, unavailable, unknown_model, wrong_kind
from penjing.serve.settings import Limits
from penjing.serve.transcriber import TranscriptionService
from penjing.serve.translator import TranslationService, open_translation_service
from penjing.serve.writer import Writer, open_writer
from penjing.transcription.references import open_transcriber

Service = Classifier | FileClassifier | Writer | TranslationService | TranscriptionService
_OPENAI_WHISPER = "whisper-1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Services:
    """What is served; empty until it is loaded."""

    def __init__(self, life: Life, metrics: Metrics, limits: Limits) -> None:
        self.life, self.metrics, self.limits = life, metrics, limits
        self._services: dict[str, Service] = {}
        self._files = 0  # requests with pictures or sounds that are here now

    def __iter__(self) -> Iterator[Service]:
        return iter(self._services.values())

    def swap(self, service: Service) -> Service | None:
        """Serve `service` from now on; return the one that had its name."""
        old = self._services.get(service.name)
        self._services[service.name] = service
        return old

    def find(self, name: str | None) -> Service:
        """Return the model called `name`; without a name the only one.

        Raises:
            Problem: the server takes no requests now, or there is no such model.
        """
        if self.life.problem is not None:
            raise self.life.problem
        if name is None and len(self._services) == 1:
            return next(iter(self._services.values()))
        found = self._services.get(name or "")
        if found is None:
            raise unknown_model(name or "", list(self._services))
        return found

    def classifier(self, name: str | None) -> Classifier:
        """Return a model that classifies; Problem as `find`, or where it does not."""
        found = self.find(name)
        if not isinstance(found, Classifier) or isinstance(found, FileClassifier):
            raise wrong_kind(found.name, found.kind)
        return found

    def files(self, name: str | None, kind: FileKind) -> FileClassifier:
        """Return a model of such files; Problem as `find`, or where it is none. Without a name the only one."""
        able = [found.name for found in self._services.values() if found.kind == kind]
        found = self.find(able[0] if name is None and len(able) == 1 else name)
        if not isinstance(found, FileClassifier) or found.kind != kind:
            raise wrong_kind(found.name, found.kind)
        return found

    def transcriber(self, name: str | None) -> TranscriptionService:
        """Return a model that transcribes; Problem as `find`, or where it does not. Without a name the first of them.

        OpenAI's name of its own model, which clients send by default, stands for none.
        """
        first = next((found.name for found in self._services.values() if isinstance(found, TranscriptionService)), None)
        known = name is not None and (name in self._services or name != _OPENAI_WHISPER)
        found = self.find(name if known else first)
        if not isinstance(found, TranscriptionService):
            raise wrong_kind(found.name, found.kind)
        return found

    @contextmanager
    def file_room(self) -> Iterator[None]:
        """Hold the place of a request with pictures or sounds, which takes much memory.

        Raises:
            Problem: too many are here, or the server takes no requests now.
        """
        if self.life.problem is not None:
            raise self.life.problem
        most = self.limits.file_requests
        if self._files >= most:
            raise full(waiting=self._files, most=most, what="requests with files", retry_after_s=1.0)
        self._files += 1
        try:
            yield
        finally:
            self._files -= 1

    def writer(self, name: str | None) -> Writer:
        """Return a model that writes; Problem as `find`, or where it does not."""
        found = self.find(name)
        if not isinstance(found, Writer):
            raise wrong_kind(found.name, found.kind)
        return found

    def translator(self, name: str | None) -> TranslationService:
        """Return a model that translates; Problem as `find`, or where it does not. Without a name the first of them."""
        first = next((found.name for found in self._services.values() if isinstance(found, TranslationService)), None)
        found = self.find(name if name is not None else first)
        if not isinstance(found, TranslationService):
            raise wrong_kind(found.name, found.kind)
        return found

    @property
    def problem(self) -> Problem | None:
        """Why not every model answers now; None where all do."""
        if self.life.problem is not None:
            return self.life.problem
        down = [service.name for service in self._services.values() if not service.healthy]
        if down:
            return unavailable("engine_failed", f"The engine of {', '.join(down)} does not answer.")
        return None

    def kill(self) -> None:
        """End the processes of all of them at once."""
        for service in self._services.values():
            service.kill()

    def close(self) -> None:
        """End all of them."""
        for service in self._services.values():
            service.close()


@dataclass(frozen=True)
class Source:
    """What is served under a name: a bundle's folder, or a GGUF file or Whisper that is none."""

    manifest: Manifest
    model: Path
    folder: Path | None
    reference: str = ""


def named_sources(given: Iterable[str]) -> dict[str, Source]:
    """Return what to serve, by name: NAME=WHAT, or the name of a bundle's task, of a package or of a file.

    Raises:
        BundleError: there is no bundle.
        ModelError: there is no such package or GGUF file.
        TaskError: a name is no name, or two models have the same.
    """
    found: dict[str, Source] = {}
    for text in given:
        name, equals, reference = text.partition("=")
        default, source = _source(reference if equals else text)
        chosen = name if equals else default
        if not _NAME.fullmatch(chosen):
            raise TaskError("not a name to serve a model under", value=chosen, rule="letters, digits, . _ -")
        if chosen in found:
            raise TaskError("two models have this name", value=chosen, next_step="Name them: NAME=BUNDLE")
        found[chosen] = source
    return found


def _source(reference: str) -> tuple[str, Source]:
    """Return what `reference` names, and what it is called where nothing else is said."""
    scheme, colon, name = reference.partition(":")
    if colon and scheme == "package" and name in model_packages() and model_packages()[name].layout == "whisper":
        return name, _whisper(name, reference)
    if not (colon and scheme in ("gguf", "package")):
        folder = Path(reference)
        manifest = read_manifest(folder)
        title = str(manifest.task.get("name") or folder.resolve().name)
        return title, Source(manifest, folder / manifest.model, folder)
    path = gguf_file(reference)
    header, origin = read_header(path), gguf_origin(reference, path)
    manifest = Manifest(
        **stamp(),
        name=origin.name,
        kind="generate",
        engine="llamacpp",
        model=path.name,
        input={"type": "text", "format": "chat" if header.chat_template else "plain"},
        recipe=(),
        origin=origin,
        files={path.name: FileEntry(sha256=origin.sha256 or "", size_bytes=path.stat().st_size)},
    )
    return name if scheme == "package" else path.stem, Source(manifest, path, None)


def _whisper(name: str, reference: str) -> Source:
    package = model_packages()[name]
    parts = locate_parts(package)
    origin = Origin(
        reference=reference, name=package.title, version=package.version, sha256=package.sha256[package.weights],
        licence=package.licence, source=package.source,
    )  # fmt: skip
    manifest = Manifest(
        **stamp(),
        name=package.title,
        kind="transcribe",
        engine="ctranslate2",
        model=parts[0].name,
        input={"type": "sound"},
        recipe=(),
        origin=origin,
        files={
            part.name: FileEntry(sha256=sha256, size_bytes=part.stat().st_size)
            for part, sha256 in zip(parts, _hashes(package), strict=True)
        },
    )
    return Source(manifest, parts[0], None, reference)


def _hashes(package: ModelPackage) -> list[str]:
    return [package.sha256[file] for file in (package.weights, *package.more_weights)]


def open_service(
    name: str, source: Source, *, threads: int, context: int | None, limits: Limits, metrics: Metrics
) -> Service:
    """Return what `source` is, loaded and checked.

    Raises:
        PenjingError: it cannot be served.
    """
    if source.folder is not None and source.manifest.kind == "classify":
        return open_classifier(name, source.folder, threads=threads, limits=limits, metrics=metrics)
    if source.manifest.kind == "transcribe":
        began = time.monotonic()
        opened = open_transcriber(source.reference, threads=threads, precision="int8")
        metrics.load_seconds.labels(name).set(time.monotonic() - began)
        return TranscriptionService(name, source.manifest, opened, limits=limits, metrics=metrics)
    if source.folder is not None and source.manifest.kind in {"image", "audio", "fused"}:
        return open_classifier(
            name, source.folder, threads=threads, limits=limits, metrics=metrics, service=FileClassifier
        )
    if source.folder is not None and source.manifest.kind == "translate":
        return open_translation_service(name, source.folder, threads=threads, limits=limits, metrics=metrics)
    if source.folder is not None:
        check_files(source.folder, source.manifest)
    return open_writer(
        name, source.manifest, source.model, threads=threads, context=context, limits=limits, metrics=metrics
    )
