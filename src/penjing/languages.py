"""Languages by their codes and names: BCP 47 (RFC 5646), the forms that gettext and models use, and common names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from penjing.errors import TaskError

_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nl": "Dutch", "no": "Norwegian",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian",
    "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh-Hans": "Simplified Chinese", "zh-Hant": "Traditional Chinese",
}  # fmt: skip
_ALIASES = {
    **{name.lower(): code for code, name in _NAMES.items()},
    "chinese": "zh-Hans", "中文": "zh-Hans", "汉语": "zh-Hans", "简体中文": "zh-Hans", "繁體中文": "zh-Hant",
    "繁体中文": "zh-Hant", "英文": "en", "英语": "en", "日语": "ja", "日文": "ja", "法语": "fr", "德语": "de",
    "zho": "zh-Hans", "chi": "zh-Hans", "cmn": "zh-Hans", "eng": "en", "deu": "de", "ger": "de", "fra": "fr",
    "fre": "fr", "jpn": "ja", "kor": "ko", "rus": "ru", "spa": "es", "iw": "he", "in": "id", "nb": "no", "nn": "no",
}  # fmt: skip
_TRADITIONAL = {"hant", "tw", "hk", "mo"}
_UNSPACED = {"zh", "ja", "th"}


@dataclass(frozen=True, slots=True)
class Language:
    """A language and, for Chinese, its script."""

    code: str
    """As here: "en", "zh-Hans"."""

    @property
    def base(self) -> str:
        """The language alone: "zh"."""
        return self.code.partition("-")[0]

    @property
    def name(self) -> str:
        """In English; the code where it is not known."""
        return _NAMES.get(self.code, self.code)

    @property
    def joint(self) -> str:
        """What stands between two sentences."""
        return "" if self.base in _UNSPACED else " "


Pair = tuple[Language, Language]
"""From the first into the second."""


def language(text: str) -> Language:
    """Return the language that a code or a name means.

    >>> [language(text).code for text in ("EN", "zh", "zh_CN", "zh-TW", "zh-Hans-CN", "中文", "pt_BR.UTF-8")]
    ['en', 'zh-Hans', 'zh-Hans', 'zh-Hant', 'zh-Hans', 'zh-Hans', 'pt']

    Raises:
        TaskError: it is neither.
    """
    cleaned = text.strip().partition(".")[0].partition("@")[0]
    known = _ALIASES.get(cleaned.lower())
    if known is not None:
        return Language(known)
    if not _TAG.fullmatch(cleaned):
        raise TaskError("unknown language", value=text, rule="a code such as en, zh-Hans or zh_CN, or its English name")
    base, *rest = re.split("[-_]", cleaned.lower())
    base = _ALIASES.get(base, base)
    if base in {"zh", "zh-Hans"}:
        return Language("zh-Hant" if _TRADITIONAL & set(rest) else "zh-Hans")
    return Language(base)


def check_pair(
    wanted: tuple[Language, Language], supported: Sequence[tuple[Language, Language]], *, model: str
) -> None:
    """Raise TaskError where `model` does not translate between two languages; it names those it does."""
    if wanted not in supported:
        pairs = ", ".join(f"{source.code} to {target.code}" for source, target in supported)
        raise TaskError(
            f"{model} does not translate this pair",
            value=f"{wanted[0].code} to {wanted[1].code}",
            rule=pairs,
            next_step="Choose another model or pair",
        )
