"""Tiny checkpoints with the file names, keys and config fields of the real families, against transformers itself."""

import json
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import M2M100Config, M2M100ForConditionalGeneration, MarianConfig, MarianMTModel, MarianTokenizer

from penjing.bundle.read import read_manifest
from penjing.engines.translate import Search
from penjing.errors import ModelError, TaskError
from penjing.export.translation_checkpoint import write_translation_bundle
from penjing.export.translation_engines import TARGETS
from penjing.languages import language
from penjing.search.fit import fit
from penjing.shrink.pair_vocabulary import SPECIAL, keep_rows, trim_to_pair
from penjing.task_file import read_task
from penjing.train.checkpoint_pieces import read_checkpoint_pieces
from penjing.train.seq2seq import PairModel, load_seq2seq, pair_rows
from penjing.translation.api import make_wish
from penjing.translation.references import open_translator
from tests.translation.toy import pairs, write_toy_task

PAIR = (language("en"), language("zh"))
TEXTS = ["Open the red file", "Save the old table now", "print"]
SHAPE = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
}  # fmt: skip


def spread(model: torch.nn.Module) -> None:
    """Draw weights far enough apart that the most probable piece is clear."""
    torch.manual_seed(1)
    for value in model.parameters():
        if value.ndim > 1:
            torch.nn.init.normal_(value, 0, 0.3)


def pieces_model(path: Path, texts: list[str], size: int) -> list[str]:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_prefix=str(path.with_suffix("")), vocab_size=size, hard_vocab_limit=False,
        minloglevel=2, model_type="bpe" if "bpe" in path.name else "unigram",
    )  # fmt: skip
    path.with_suffix(".model").rename(path)
    found = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return [found.id_to_piece(number) for number in range(len(found))]


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("opus-mt-en-zh")
    source = pieces_model(folder / "source.spm", [one for one, _ in pairs()], 90)
    target = pieces_model(folder / "target.spm", [other for _, other in pairs()], 120)
    names = [
        "</s>",
        "<unk>",
        *dict.fromkeys(piece for piece in [*source, *target] if not piece.startswith("<")),
        "<pad>",
    ]
    (folder / "vocab.json").write_text(json.dumps({name: number for number, name in enumerate(names)}), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"source_lang": "eng", "target_lang": "zho"}), "utf-8")
    last = len(names) - 1
    model = MarianMTModel(
        MarianConfig(
            vocab_size=len(names), pad_token_id=last, eos_token_id=0, bos_token_id=0, decoder_start_token_id=last,
            forced_eos_token_id=0, scale_embedding=True, activation_function="swish", max_position_embeddings=64,
            decoder_vocab_size=len(names), **SHAPE,
        )
    )  # fmt: skip
    spread(model)
    torch.nn.init.zeros_(model.model.shared.weight[last])  # as in Marian's own, which begin with nothing
    model.save_pretrained(folder)
    return folder


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
def test_marian_translates_as_in_transformers(marian: Path, tmp_path: Path) -> None:
    write_translation_bundle(marian, tmp_path / "bundle", PAIR, precision="float32")
    tokenizer = MarianTokenizer.from_pretrained(marian)
    model = MarianMTModel.from_pretrained(marian).eval()
    with open_translator(str(tmp_path / "bundle"), threads=1) as opened:
        local = opened._engine
        for text in TEXTS:
            ids = tokenizer(text).input_ids
            assert local._spelling.pieces([text])[0] == tokenizer.convert_ids_to_tokens(ids)
            expected = model.generate(
                input_ids=torch.tensor([ids]), num_beams=1, do_sample=False, max_new_tokens=16 + 2 * len(ids),
                forced_eos_token_id=None, bad_words_ids=[[model.config.pad_token_id]],
            )[0].tolist()[1:]  # fmt: skip
            found = local._engine.translate(local._spelling.pieces([text]), Search())[0][0]
            assert found.pieces[:8] == tokenizer.convert_ids_to_tokens(expected)[:8]


def test_a_folder_is_converted_once_and_translates(marian: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with open_translator(str(marian), threads=1, cache=tmp_path) as opened:
            assert opened.pair(None, None) == PAIR
            assert opened.translate(TEXTS, make_wish(opened, None, None))[0].text
    assert len(list(tmp_path.iterdir())) == 1


@pytest.fixture(scope="module")
def m2m(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("m2m100")
    texts = [text for pair in pairs() for text in pair]
    spm = pieces_model(folder / "sentencepiece.bpe.model", texts, 200)
    names = ["<s>", "<pad>", "</s>", "<unk>", *(piece for piece in spm if not piece.startswith("<"))]
    (folder / "vocab.json").write_text(json.dumps({name: number for number, name in enumerate(names)}), "utf-8")
    size = len(names) + 100 + 8
    config = M2M100Config(vocab_size=size, max_position_embeddings=64, decoder_start_token_id=2, **SHAPE)
    model = M2M100ForConditionalGeneration(config)
    spread(model)
    model.save_pretrained(folder)
    return folder


def test_m2m_puts_languages_where_transformers_does(m2m: Path, tmp_path: Path) -> None:
    from transformers import M2M100Tokenizer

    write_translation_bundle(m2m, tmp_path / "bundle", PAIR, precision="float32")
    tokenizer = M2M100Tokenizer(
        str(m2m / "vocab.json"), str(m2m / "sentencepiece.bpe.model"), src_lang="en", tgt_lang="zh"
    )
    model = M2M100ForConditionalGeneration.from_pretrained(m2m).eval()
    with open_translator(str(tmp_path / "bundle"), threads=1) as opened:
        local = opened._engine
        for text in TEXTS:
            ids = tokenizer(text).input_ids
            assert local._spelling.pieces([text])[0] == tokenizer.convert_ids_to_tokens(ids)
            expected = model.generate(
                input_ids=torch.tensor([ids]), num_beams=1, do_sample=False, max_new_tokens=12,
                forced_bos_token_id=tokenizer.get_lang_id("zh"),
            )[0].tolist()  # fmt: skip
            found = local._engine.translate(local._spelling.pieces([text]), Search())[0][0]
            assert found.pieces[:8] == tokenizer.convert_ids_to_tokens(expected[2:10])


def test_a_language_that_the_model_does_not_know_is_refused(m2m: Path, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"does not know this language.*one of af, am"):
        open_translator(str(m2m), source=language("en"), target=language("tlh"), cache=tmp_path)
    with pytest.raises(TaskError, match="from which language"):
        open_translator(str(m2m), cache=tmp_path)


def test_nllb_like_folders_with_a_fast_tokenizer(tmp_path: Path) -> None:
    tokenizer = Tokenizer(BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    texts = [text for pair in pairs() for text in pair]
    tokenizer.train_from_iterator(texts, BpeTrainer(vocab_size=220, special_tokens=special, show_progress=False))
    tokenizer.add_special_tokens(["eng_Latn", "zho_Hans", "zho_Hant"])
    folder = tmp_path / "nllb"
    size = tokenizer.get_vocab_size()
    model = M2M100ForConditionalGeneration(M2M100Config(vocab_size=size, decoder_start_token_id=2, **SHAPE))
    spread(model)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    for code, begin in (("zh-CN", "zho_Hans"), ("zh-TW", "zho_Hant")):
        with open_translator(str(folder), source=PAIR[0], target=language(code), cache=tmp_path / "cache") as opened:
            assert opened._engine._engine._prefix == [begin]
            assert opened._engine._spelling.pieces(["Open"])[0][0] == "eng_Latn"


def test_pickles_and_folders_of_other_things_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(ModelError, match="no such model"):
        open_translator(str(folder))
    (folder / "config.json").write_text('{"model_type": "marian"}', "utf-8")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02")
    with pytest.raises(ModelError, match="no safetensors"):
        open_translator(str(folder), source=PAIR[0], target=PAIR[1], cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("student", "steps", "file"),
    [
        (None, ["vocabulary", "fine-tune", "cut", "distil", "quantize"], "source.json"),
        ({"width": 64, "encoder": 1, "decoder": 1}, ["vocabulary", "distil", "quantize"], "tokenizer.json"),
    ],
)
def test_a_checkpoint_is_fine_tuned_and_its_student_is_cut_out_of_it_or_new(
    student: dict[str, int] | None, steps: list[str], file: str, marian: Path, tmp_path: Path
) -> None:
    task = write_toy_task(tmp_path)
    changes = {
        "model": str(marian), "recipe.epochs": 1, "recipe.student_epochs": 1, "data.max_train": 200,
        "bar.drop_at_most": 0.99, **({} if student is None else {"recipe.student": student}),
    }  # fmt: skip
    with pytest.raises(TaskError, match=r"recipe.teacher"):
        read_task(task, overrides=changes)
    lines = (line for line in task.read_text("utf-8").splitlines() if not line.startswith(("teacher", "student =")))
    (tmp_path / "task.toml").write_text("\n".join(lines), "utf-8")
    result = fit(read_task(task, overrides=changes), output=tmp_path / "run", cache=tmp_path / "cache")
    by_name = {trial.name: trial for trial in result.trials}
    assert [step.name for step in by_name["teacher"].recipe] == ["vocabulary", "fine-tune"]
    assert all(trial.failed is None for trial in result.trials)
    assert by_name["student, int8, onnxruntime"].engine == "onnxruntime"
    assert [step.name for step in by_name["student, int8"].recipe] == steps
    folders = {name: tmp_path / "run" / str(by_name[name].bundle) for name in ("teacher", "student, int8")}
    assert (folders["teacher"] / "source.json").is_file()
    assert (folders["student, int8"] / file).is_file()
    assert read_manifest(folders["teacher"]).origin.name == marian.name


@pytest.mark.parametrize("family", ["marian", "m2m"])
def test_a_pair_s_own_pieces_translate_as_all_of_them_did(
    family: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    checkpoint = request.getfixturevalue(family)
    whole = read_checkpoint_pieces(checkpoint, PAIR)
    model, small = load_seq2seq(checkpoint), load_seq2seq(checkpoint)
    pad = model.config.pad_token_id
    special = [getattr(model.config, name) for name in SPECIAL if getattr(model.config, name, None) is not None]
    table, kept = trim_to_pair(whole, TEXTS, ["打开红色的文件", "打印"], special=special, size=70)
    assert len(kept) == len(table.names) < len(whole.names)
    keep_rows(small, kept)
    small.save_pretrained(tmp_path / "small")
    small = load_seq2seq(tmp_path / "small")
    old, new = (pair_rows(one, [(text, "打印") for text in TEXTS], pad=pad) for one in (whole, table))
    assert [kept[piece] for piece in new.tokens.ids] == old.tokens.ids.tolist()
    expected, found = (
        PairModel(one, rows).eval()(*rows.tokens.batch(np.arange(len(TEXTS))))[0]
        for one, rows in ((model, old), (small, new))
    )
    torch.testing.assert_close(found, expected[:, kept], rtol=1e-4, atol=1e-4)
    names = TARGETS["ctranslate2"].write(small, table, tmp_path / "ct2", precision="int8")
    assert len(names) == 3


@pytest.mark.parametrize("family", ["marian", "m2m"])
def test_onnx_runtime_writes_what_ctranslate2_writes(
    family: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    checkpoint = request.getfixturevalue(family)
    for engine in ("ctranslate2", "onnxruntime"):
        write_translation_bundle(checkpoint, tmp_path / engine, PAIR, precision="float32", engine=engine)
    with (
        open_translator(str(tmp_path / "ctranslate2"), threads=1) as one,
        open_translator(str(tmp_path / "onnxruntime"), threads=1) as other,
    ):
        assert other.engine == "onnxruntime"
        sources = one._engine._spelling.pieces(TEXTS)
        expected, found = (opened._engine._engine.translate(sources, Search()) for opened in (one, other))
        for left, right in zip(expected, found, strict=True):
            assert right[0].pieces == left[0].pieces
