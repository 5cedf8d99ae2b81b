"""penjing (盆景): the smallest, fastest model that still meets the bar.

    import penjing

    result = penjing.fit(penjing.read_task("task.toml"))
    penjing.classify_text("我非常喜欢人工智能。", model_path=result.bundle).label

Names are imported when they are first used, so that `import penjing` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from penjing._version import __version__ as __version__

if TYPE_CHECKING:
    from penjing.api import classify_audio, classify_fused, classify_image, classify_text
    from penjing.bundle.read import Bundle, Prediction, load
    from penjing.bundle.verify import VerifyReport, verify
    from penjing.errors import (
        BundleError,
        DataError,
        EngineError,
        ExportError,
        MissingExtraError,
        ModelError,
        PenjingError,
        StorageError,
        TaskError,
    )
    from penjing.generation.api import generate_text, stream_text
    from penjing.generation.model import Answer, Generation, TextModel
    from penjing.generation.references import open_text_model
    from penjing.recipe import Recipe
    from penjing.search.fit import FitResult, fit
    from penjing.select.api import plan
    from penjing.select.candidate import Candidate
    from penjing.select.plan import Plan
    from penjing.spec import Bar, Budget, DataSpec, Task, make_task
    from penjing.task_file import read_task
    from penjing.transcription.api import transcribe
    from penjing.transcription.model import Transcriber, Transcript
    from penjing.transcription.references import open_transcriber
    from penjing.translation.api import translate_text, translate_texts
    from penjing.translation.model import Translation, Translator
    from penjing.translation.references import open_translator

_HOMES = {
    "penjing.api": ("classify_audio", "classify_fused", "classify_image", "classify_text"),
    "penjing.bundle.read": ("Bundle", "Prediction", "load"),
    "penjing.bundle.verify": ("VerifyReport", "verify"),
    "penjing.errors": (
        "BundleError", "DataError", "EngineError", "ExportError", "MissingExtraError", "ModelError", "PenjingError",
        "StorageError", "TaskError",
    ),
    "penjing.generation.api": ("generate_text", "stream_text"),
    "penjing.generation.model": ("Answer", "Generation", "TextModel"),
    "penjing.generation.references": ("open_text_model",),
    "penjing.search.fit": ("FitResult", "fit"),
    "penjing.select.api": ("plan",),
    "penjing.select.candidate": ("Candidate",),
    "penjing.select.plan": ("Plan",),
    "penjing.transcription.api": ("transcribe",),
    "penjing.transcription.model": ("Transcriber", "Transcript"),
    "penjing.transcription.references": ("open_transcriber",),
    "penjing.translation.api": ("translate_text", "translate_texts"),
    "penjing.translation.model": ("Translation", "Translator"),
    "penjing.translation.references": ("open_translator",),
    "penjing.recipe": ("Recipe",),
    "penjing.spec": ("Bar", "Budget", "DataSpec", "Task", "make_task"),
    "penjing.task_file": ("read_task",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "Bar",
    "Budget",
    "Bundle",
    "BundleError",
    "Candidate",
    "DataError",
    "DataSpec",
    "EngineError",
    "ExportError",
    "FitResult",
    "Generation",
    "MissingExtraError",
    "ModelError",
    "PenjingError",
    "Plan",
    "Prediction",
    "Recipe",
    "StorageError",
    "Task",
    "TaskError",
    "TextModel",
    "Transcriber",
    "Transcript",
    "Translation",
    "Translator",
    "VerifyReport",
    "classify_audio",
    "classify_fused",
    "classify_image",
    "classify_text",
    "fit",
    "generate_text",
    "load",
    "make_task",
    "open_text_model",
    "open_transcriber",
    "open_translator",
    "plan",
    "read_task",
    "stream_text",
    "transcribe",
    "translate_text",
    "translate_texts",
    "verify",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'penjing' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
