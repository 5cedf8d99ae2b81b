"""The vocabularies of checkpoints that translate: Marian's, M2M-100's and NLLB's, as `tokenizers` reads them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, Unigram

from penjing.engines.translate.spelling import Spelling
from penjing.errors import MissingExtraError, ModelError, TaskError
from penjing.languages import Language, Pair, language
from penjing.masking import SENTINELS
from penjing.train.piece_table import PieceTable

_PLAIN = "<{}>"
_END, _UNKNOWN = "</s>", "<unk>"
_SHORT_OF = {
    "zh-Hans": ("zho_Hans", "cmn_Hans", "zho", "zh", "cmn"),
    "zh-Hant": ("zho_Hant", "cmn_Hant", "zho", "zh", "cmn"),
    "en": ("eng_Latn", "eng", "en"), "de": ("deu_Latn", "deu", "de"), "fr": ("fra_Latn", "fra", "fr"),
    "es": ("spa_Latn", "spa", "es"), "ja": ("jpn_Jpan", "jpn", "ja"), "ko": ("kor_Hang", "kor", "ko"),
    "ru": ("rus_Cyrl", "rus", "ru"), "pt": ("por_Latn", "por", "pt"), "it": ("ita_Latn", "ita", "it"),
    "ar": ("arb_Arab", "ara", "ar"), "hi": ("hin_Deva", "hin", "hi"), "vi": ("vie_Latn", "vie", "vi"),
    "nl": ("nld_Latn", "nld", "nl"), "pl": ("pol_Latn", "pol", "pl"), "tr": ("tur_Latn", "tur", "tr"),
    "uk": ("ukr_Cyrl", "ukr", "uk"), "sv": ("swe_Latn", "swe", "sv"), "id": ("ind_Latn", "ind", "id"),
    "cs": ("ces_Latn", "ces", "cs"), "th": ("tha_Thai", "tha", "th"), "fa": ("pes_Arab", "fas", "fa"),
}  # fmt: skip
"""What models call a language, in the order in which they are looked for; others by their code alone."""


def checkpoint_pair(folder: Path, source: Language | None, target: Language | None) -> Pair:
    """Return the languages between which the checkpoint is to translate: those asked for, or those it names.

    Raises:
        TaskError: it names none.
    """
    said = _json(folder / "tokenizer_config.json")
    found = []
    for given, key in ((source, "source_lang"), (target, "target_lang")):
        if given is None and not said.get(key):
            raise TaskError("from which language into which?", next_step="Give both: this model does not say")
        found.append(given or language(str(said[key])))
    return found[0], found[1]


def read_checkpoint_pieces(folder: Path, pair: Pair) -> PieceTable:
    """Return how the checkpoint in `folder` spells texts of the first language and translations into the second.

    Raises:
        ModelError: its vocabulary is not understood.
        TaskError: it does not know a language; those it knows are named.
    """
    if (folder / "source.spm").is_file():
        return _marian(folder, pair)
    if (folder / "tokenizer.json").is_file():
        return _fast(folder, pair)
    if (folder / "sentencepiece.bpe.model").is_file() and (folder / "vocab.json").is_file():
        return _m2m(folder, pair)
    raise ModelError(
        "the checkpoint's vocabulary is not understood",
        value=str(folder),
        rule="source.spm and vocab.json, tokenizer.json, or sentencepiece.bpe.model and vocab.json",
    )


def _marian(folder: Path, pair: Pair) -> PieceTable:
    vocabulary = _json(folder / "vocab.json")
    pieces = sorted(vocabulary, key=lambda piece: int(vocabulary[piece]))
    targets = [piece for piece in pieces if piece.startswith(">>") and piece.endswith("<<")]
    prefix = [] if not targets else [_code(pair[1], targets, ">>{}<<")]
    source, target = _from_spm(folder / "source.spm"), _from_spm(folder / "target.spm")
    return _table(folder, Spelling(source, target, tuple(prefix)), pieces)


def _m2m(folder: Path, pair: Pair) -> PieceTable:
    vocabulary = _json(folder / "vocab.json")
    known = sorted(vocabulary, key=lambda piece: int(vocabulary[piece]))
    languages = [f"__{code}__" for code in _M2M_LANGUAGES]
    size = int(_json(folder / "config.json")["vocab_size"])
    filler = [f"madeupword{number}" for number in range(max(0, size - len(known) - len(languages)))]
    source, target = (_code(one, languages, "__{}__") for one in pair)
    tokenizer = _from_spm(folder / "sentencepiece.bpe.model")
    spelling = Spelling(tokenizer, tokenizer, (source,), begin=(target,))
    return _table(folder, spelling, [*known, *languages, *filler][:size])


def _fast(folder: Path, pair: Pair) -> PieceTable:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = None  # the language and the end are put there by the engine
    size = int(_json(folder / "config.json")["vocab_size"])
    pieces = [str(tokenizer.id_to_token(number) or f"madeupword{number}") for number in range(size)]
    languages = [piece for piece in pieces if len(piece) == 8 and piece[3] == "_"]
    if not languages:
        return _table(folder, Spelling(tokenizer, tokenizer), pieces)
    source, target = (_code(one, languages, "{}") for one in pair)
    return _table(folder, Spelling(tokenizer, tokenizer, (source,), begin=(target,)), pieces)


def _table(folder: Path, spelling: Spelling, pieces: list[str]) -> PieceTable:
    """Return the table; a model that never saw our sentinels is shown plain ones."""
    if SENTINELS[0] not in pieces:
        spelling = replace(spelling, sentinel=_PLAIN)
    start = int(_json(folder / "config.json").get("decoder_start_token_id") or 0)
    if not 0 <= start < len(pieces) or not {_END, _UNKNOWN} <= set(pieces):
        raise ModelError("the checkpoint lacks a piece", value=str(folder), rule=f"{_END}, {_UNKNOWN} and a first one")
    return PieceTable(spelling, tuple(pieces), pieces[start], _END, _UNKNOWN)


def _code(wanted: Language, known: list[str], form: str) -> str:
    """Return what the model calls a language."""
    for short in (*_SHORT_OF.get(wanted.code, ()), wanted.code, wanted.base):
        if form.format(short) in known:
            return form.format(short)
    raise TaskError(
        "the model does not know this language",
        value=wanted.code,
        rule=f"one of {', '.join(piece.strip('<>_') for piece in known[:40])}",
    )


def _from_spm(path: Path) -> Tokenizer:
    """Return the tokenizer of a SentencePiece model."""
    try:
        from sentencepiece import sentencepiece_model_pb2
    except ImportError:
        raise MissingExtraError("sentencepiece", extra="translate") from None
    model = sentencepiece_model_pb2.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf's own errors
        raise ModelError("no SentencePiece model", value=f"{path}: {error}") from None
    pieces = [(found.piece, found.score) for found in model.pieces]
    unknown = next((number for number, found in enumerate(model.pieces) if found.type == 2), 0)
    tokenizer = Tokenizer(
        _bpe(pieces, unknown) if model.trainer_spec.model_type == 2 else Unigram(pieces, unk_id=unknown)
    )
    steps: list[Any] = []
    if model.normalizer_spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap))
    steps += [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    marked = [found.piece for found in model.pieces if found.type == 4]
    tokenizer.add_tokens([AddedToken(piece, normalized=False) for piece in marked])
    return tokenizer


def _bpe(pieces: list[tuple[str, float]], unknown: int) -> BPE:
    """Return the model of byte-pair pieces: what two pieces merge into is a piece, the likeliest first."""
    ranks = {piece: number for number, (piece, _) in enumerate(pieces)}
    merges = []
    for piece, number in ranks.items():
        for cut in range(1, len(piece)):
            one, other = piece[:cut], piece[cut:]
            if one in ranks and other in ranks:
                merges.append((number, ranks[one], ranks[other], (one, other)))
    merges.sort(key=lambda found: found[:3])
    return BPE(ranks, [pair for *_, pair in merges], unk_token=pieces[unknown][0], fuse_unk=True)


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError("a file of the checkpoint is not JSON", value=f"{path}: {error}") from None
    return found if isinstance(found, dict) else {}


_M2M_LANGUAGES = (
    "af", "am", "ar", "ast", "az", "ba", "be", "bg", "bn", "br", "bs", "ca", "ceb", "cs", "cy", "da", "de", "el", "en",
    "es", "et", "fa", "ff", "fi", "fr", "fy", "ga", "gd", "gl", "gu", "ha", "he", "hi", "hr", "ht", "hu", "hy", "id",
    "ig", "ilo", "is", "it", "ja", "jv", "ka", "kk", "km", "kn", "ko", "lb", "lg", "ln", "lo", "lt", "lv", "mg", "mk",
    "ml", "mn", "mr", "ms", "my", "ne", "nl", "no", "ns", "oc", "or", "pa", "pl", "ps", "pt", "ro", "ru", "sd", "si",
    "sk", "sl", "so", "sq", "sr", "ss", "su", "sv", "sw", "ta", "th", "tl", "tn", "tr", "uk", "ur", "uz", "vi", "wo",
    "xh", "yi", "yo", "zh", "zu",
)  # fmt: skip
"""In the order of their numbers: after the vocabulary (transformers' M2M100Tokenizer)."""
