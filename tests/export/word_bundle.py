"""A tiny bundle for texts whose tokenizer is of a kind that real models have."""

from __future__ import annotations

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from penjing.bundle.golden import write_golden
from penjing.bundle.manifest import Golden
from penjing.bundle.read import load
from penjing.bundle.write import write_bundle
from tests.small import WORDS, manifest, write_onnx

TEXTS = ["a good film", "bad, bad film!", "很好", "🎉 good", "Good FILM", "film " * 40, "", "nothing known"]


def write_words(folder):
    """Write the bundle into `folder`, and return its path."""
    tokenizer = Tokenizer(models.WordPiece({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="film $A 🎉", special_tokens=[("film", WORDS.index("film")), ("🎉", WORDS.index("🎉"))]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    write_onnx(folder / "model.onnx")
    files = {name: folder / name for name in ("model.onnx", "tokenizer.json")}
    write_bundle(folder / "raw", manifest(), files)
    made = manifest(golden=Golden(n=len(TEXTS), isa="any", tolerance=1e-3))
    write_golden(folder / "golden.jsonl", TEXTS, load(folder / "raw").logits(TEXTS), made.outputs.labels)
    write_bundle(folder / "bundle", made, {**files, "golden.jsonl": folder / "golden.jsonl"})
    return folder / "bundle"
