"""One call from a text to its translation, whatever the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penjing.errors import TaskError
from penjing.languages import Language, language
from penjing.translation.model import Translation, Translator, Wish, normal
from penjing.translation.references import open_translator
from penjing.translation.terms import Glossary

_MOST_CHARACTERS = 16 * 2**20


def translate_text(
    text: str,
    source_lang: str | None = None,
    target_lang: str | None = None,
    *,
    model: str,
    n_best: int = 1,
    beam: int | None = None,
    glossary: Mapping[str, str] | None = None,
    memory: Mapping[str, str] | None = None,
    threads: int = 2,
) -> Translation:
    """Return the translation of a text.

        translate_text("Save the file", "en", "zh", model="runs/localise/bundle").text

    `model` is any reference that `penjing.open_translator` takes; `translate_texts` opens it once for many
    texts. Languages are codes or names ("zh", "zh-CN", "Chinese"); a bundle knows its own. Tags, format directives such
    as %s and {name}, addresses and emoji come through unchanged, or `problem` says which did not. Terms of the
    `glossary` are translated as it says, texts in the `memory` as they were.

    Raises:
        TaskError: an argument is wrong, or the model does not translate this pair.
        ModelError: there is no such model.
        EngineError: the engine or the server fails.
        MissingExtraError: the engine's library is not installed.
    """
    return translate_texts(
        [text], source_lang, target_lang, model=model, n_best=n_best, beam=beam, glossary=glossary, memory=memory,
        threads=threads,
    )[0]  # fmt: skip


def translate_texts(
    texts: Sequence[str],
    source_lang: str | None = None,
    target_lang: str | None = None,
    *,
    model: str,
    n_best: int = 1,
    beam: int | None = None,
    glossary: Mapping[str, str] | None = None,
    memory: Mapping[str, str] | None = None,
    threads: int = 2,
) -> list[Translation]:
    """Return one translation a text, in their order: see `translate_text`."""
    source, target = (None if code is None else language(code) for code in (source_lang, target_lang))
    with open_translator(model, source=source, target=target, threads=threads) as opened:
        wish = make_wish(opened, source, target, n_best=n_best, beam=beam, glossary=glossary, memory=memory)
        return translated(opened, texts, wish)


def make_wish(
    opened: Translator,
    source: Language | None,
    target: Language | None,
    *,
    n_best: int = 1,
    beam: int | None = None,
    glossary: Mapping[str, str] | None = None,
    memory: Mapping[str, str] | None = None,
) -> Wish:
    """Return what is asked of `opened`, checked.

    Raises:
        TaskError: a number is out of its range, or the pair is not one of the model's.
    """
    for name, value in (("n_best", n_best), ("beam", 1 if beam is None else beam)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 16:
            raise TaskError(f"{name} is out of its range", value=value, rule="a whole number from 1 to 16")
    return Wish(
        pair=opened.pair(source, target),
        beam=opened.beam if beam is None else beam,
        n_best=n_best,
        glossary=Glossary(glossary or {}),
        memory={normal(source): target for source, target in (memory or {}).items()},
    )


def translated(opened: Translator, texts: Sequence[str], wish: Wish) -> list[Translation]:
    """Return the translations, once every text is known to be one.

    Raises:
        TaskError: something is no text, or is too long.
    """
    for text in texts:
        if not isinstance(text, str):
            raise TaskError("a text is no string", value=type(text).__name__, rule="str")
        if len(text) > _MOST_CHARACTERS:
            raise TaskError("the text is too long", rule=f"at most {_MOST_CHARACTERS:,} characters")
    return opened.translate(texts, wish)
