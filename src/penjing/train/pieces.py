"""The pieces of a model that starts from nothing: a unigram vocabulary over both languages.

Source: Kudo 2018, "Subword Regularization: Improving Neural Network Translation Models with Multiple Subword
Candidates"; SentencePiece finds the pieces, and `tokenizers` reads them, so that a bundle needs no SentencePiece.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import Unigram

from penjing.engines.translate.spelling import Spelling
from penjing.errors import DataError, MissingExtraError
from penjing.masking import SENTINELS
from penjing.train.piece_table import PieceTable

PAD, UNKNOWN, BEGIN, END = "<pad>", "<unk>", "<s>", "</s>"
_SPECIAL = (PAD, UNKNOWN, BEGIN, END)  # padding first: positions count from 1, as CTranslate2 computes them itself
_COVERAGE = 0.9995  # of characters; the others are spelt in bytes


def train_pieces(texts: Iterable[str], *, size: int, threads: int) -> Tokenizer:
    """Return a tokenizer of `size` pieces, the special ones, bytes and sentinels among them.

    Raises:
        DataError: there are not so many pieces in the texts.
        MissingExtraError: sentencepiece is not installed.
    """
    try:
        import sentencepiece
    except ImportError:
        raise MissingExtraError("sentencepiece", extra="translate") from None
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            vocab_size=size,
            character_coverage=_COVERAGE,
            byte_fallback=True,
            split_digits=True,
            normalization_rule_name="identity",
            user_defined_symbols=list(SENTINELS),
            num_threads=threads,
            hard_vocab_limit=False,
            pad_id=0, unk_id=1, bos_id=2, eos_id=3,
            minloglevel=2,
        )  # fmt: skip
    except (RuntimeError, OSError) as error:
        raise DataError("no vocabulary could be made of these texts", value=str(error)) from None
    found = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    scores = (round(found.get_score(number), 6) for number in range(len(found)))  # SentencePiece counts in float32
    return tokenizer_of([(found.id_to_piece(number), score) for number, score in enumerate(scores)])


def tokenizer_of(pieces: list[tuple[str, float]]) -> Tokenizer:
    """Return the tokenizer of unigram pieces with their log probabilities, ▁ standing for a space."""
    tokenizer = Tokenizer(Unigram(pieces, unk_id=_SPECIAL.index(UNKNOWN), byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in _SPECIAL])
    return tokenizer


def own_table(path: Path) -> PieceTable:
    """Return the table of the tokenizer that `train_pieces` made, from its file."""
    tokenizer = Tokenizer.from_file(str(path))
    spelling = Spelling(tokenizer, tokenizer, suffix=(END,))
    return PieceTable(spelling, spelling.target_names, BEGIN, END, UNKNOWN)
