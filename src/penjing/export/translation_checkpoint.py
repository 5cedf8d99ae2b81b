"""Checkpoints of the hub that translate (Marian, M2M-100, NLLB) as bundles for CTranslate2, without golden answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE, Unigram

from penjing.bundle.manifest import Manifest, Origin
from penjing.bundle.write import stamp, write_bundle
from penjing.engines.translate.ctranslate2 import CONFIG, MODEL, VOCABULARY
from penjing.errors import MissingExtraError, ModelError, TaskError
from penjing.export.ctranslate2 import Precision, write_ctranslate2
from penjing.files import file_sha256
from penjing.languages import Language, Pair, language
from penjing.masking import SENTINELS
from penjing.train.model_folder import stated_licence
from penjing.train.seq2seq import load_seq2seq

_OWN, _PLAIN = "｟{}｠", "<{}>"
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


@dataclass(frozen=True)
class _Pieces:
    """How a checkpoint spells: its tokenizers, all pieces by number, and what stands around a source."""

    source: Tokenizer
    target: Tokenizer
    pieces: list[str]
    prefix: list[str]
    begin: list[str]
    unknown: str = "<unk>"
    end: str = "</s>"


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


def write_translation_bundle(checkpoint: Path, folder: Path, pair: Pair, *, precision: Precision = "int8") -> None:
    """Write the checkpoint as a bundle that translates between `pair` into `folder`, which is empty or not there.

    Raises:
        ModelError: the checkpoint does not translate, its vocabulary is not understood, or its weights are a pickle.
        TaskError: it does not know a language; those it knows are named.
    """
    if not (checkpoint / "model.safetensors").is_file() and not list(checkpoint.glob("model-*.safetensors")):
        raise ModelError(
            "no safetensors in the checkpoint",
            value=str(checkpoint),
            rule="model.safetensors; pickles are not read",
            next_step="Use a revision with safetensors, or convert it",
        )
    spelt = _read_pieces(checkpoint, pair)
    knows_sentinels = SENTINELS[0] in spelt.pieces
    manifest = Manifest(
        **stamp(),
        name=f"{checkpoint.name}: {pair[0].code} to {pair[1].code}",
        kind="translate",
        engine="ctranslate2",
        model=MODEL,
        input={
            "type": "pair", "source_lang": pair[0].code, "target_lang": pair[1].code, "source": "source.json",
            "target": "target.json", "prefix": spelt.prefix, "suffix": [spelt.end], "begin": spelt.begin, "beam": 1,
            "sentinel": _OWN if knows_sentinels else _PLAIN,
        },
        recipe=(),
        origin=Origin(
            reference=str(checkpoint), name=checkpoint.name, licence=stated_licence(checkpoint) or "not stated",
            source=checkpoint.name, sha256=file_sha256(checkpoint / "config.json"),
        ),
    )  # fmt: skip
    with TemporaryDirectory(dir=folder.parent) as temporary:
        aside = Path(temporary)
        model = load_seq2seq(checkpoint)
        begin = spelt.pieces[int(model.config.decoder_start_token_id or 0)]
        write_ctranslate2(
            model, spelt.pieces, aside, precision=precision, begin=begin, end=spelt.end, unknown=spelt.unknown
        )
        spelt.source.save(str(aside / "source.json"))
        spelt.target.save(str(aside / "target.json"))
        names = (MODEL, CONFIG, VOCABULARY, "source.json", "target.json")
        write_bundle(folder, manifest, {name: aside / name for name in names})


def _read_pieces(folder: Path, pair: Pair) -> _Pieces:
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


def _marian(folder: Path, pair: Pair) -> _Pieces:
    vocabulary = _json(folder / "vocab.json")
    pieces = sorted(vocabulary, key=lambda piece: int(vocabulary[piece]))
    targets = [piece for piece in pieces if piece.startswith(">>") and piece.endswith("<<")]
    prefix = [] if not targets else [_code(pair[1], targets, ">>{}<<")]
    return _Pieces(_from_spm(folder / "source.spm"), _from_spm(folder / "target.spm"), pieces, prefix, [])


def _m2m(folder: Path, pair: Pair) -> _Pieces:
    vocabulary = _json(folder / "vocab.json")
    known = sorted(vocabulary, key=lambda piece: int(vocabulary[piece]))
    languages = [f"__{code}__" for code in _M2M_LANGUAGES]
    size = int(_json(folder / "config.json")["vocab_size"])
    filler = [f"madeupword{number}" for number in range(max(0, size - len(known) - len(languages)))]
    source, target = (_code(one, languages, "__{}__") for one in pair)
    tokenizer = _from_spm(folder / "sentencepiece.bpe.model")
    return _Pieces(tokenizer, tokenizer, [*known, *languages, *filler][:size], [source], [target])


def _fast(folder: Path, pair: Pair) -> _Pieces:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = None  # the language and the end are put there by the engine
    size = int(_json(folder / "config.json")["vocab_size"])
    pieces = [str(tokenizer.id_to_token(number) or f"madeupword{number}") for number in range(size)]
    languages = [piece for piece in pieces if len(piece) == 8 and piece[3] == "_"]
    if not languages:
        return _Pieces(tokenizer, tokenizer, pieces, [], [])
    source, target = (_code(one, languages, "{}") for one in pair)
    return _Pieces(tokenizer, tokenizer, pieces, [source], [target])


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
