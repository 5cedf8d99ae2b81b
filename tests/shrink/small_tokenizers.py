"""Small tokenizers of every kind, trained on English and Chinese sentences written for these tests."""

from __future__ import annotations

from collections.abc import Callable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SENTENCES = (
    "a penjing is a whole landscape grown large and pruned until it lives in a pot",
    "the pruned landscape lives longer than the landscapes that were never pruned",
    "growing and pruning are two hands of one gardener, gardening in the garden",
    "small pots, small trees, small landscapes; larger trees in larger pots!",
    "盆景是一种艺术，把山水缩小到一个盆里。",
    "小树长在小盆里，大树长在大盆里。",
    "先让它长大，再修剪，直到它能住进盆里。",
    "修剪是一种艺术，种树也是一种艺术！",
)
UNK = "[UNK]"
SPECIAL = ("[PAD]", UNK, "[CLS]", "[SEP]")
FRAME = processors.TemplateProcessing(
    single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
)


def wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token=UNK))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=220, special_tokens=list(SPECIAL), show_progress=False)
    return _trained(tokenizer, trainer)


def bpe() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token=UNK, fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=260, special_tokens=list(SPECIAL), show_progress=False)
    return _trained(tokenizer, trainer)


def bpe_of_bytes() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return _trained(tokenizer, trainer)


def bpe_with_suffix() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token=UNK, end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=260, special_tokens=list(SPECIAL), end_of_word_suffix="</w>", show_progress=False
    )
    return _trained(tokenizer, trainer)


def bpe_with_prefix() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token=UNK, continuing_subword_prefix="##"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=260, special_tokens=list(SPECIAL), continuing_subword_prefix="##", show_progress=False
    )
    return _trained(tokenizer, trainer)


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=160, special_tokens=list(SPECIAL), unk_token=UNK, show_progress=False)
    return _trained(tokenizer, trainer)


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "WordPiece": wordpiece,
    "BPE": bpe,
    "BPE of bytes": bpe_of_bytes,
    "BPE with suffix": bpe_with_suffix,
    "BPE with prefix": bpe_with_prefix,
    "Unigram": unigram,
}


def _trained(tokenizer: Tokenizer, trainer: object) -> Tokenizer:
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = FRAME
    return tokenizer
