"""Each architecture of the BERT family, on a tiny checkpoint with its real key names, against transformers."""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from penjing.errors import ModelError
from penjing.export.onnx import encoder_to_onnx
from penjing.export.parity import check_parity, onnx_logits
from penjing.shrink.structure import factor_words, keep_pieces, keep_positions, put_pieces_back
from penjing.train.batches import Tokens
from penjing.train.checkpoint import load_encoder, load_pretrained, save_encoder
from penjing.train.families import FAMILIES
from penjing.train.model_folder import classifier_rows, has_trained_classifier

SIZES = {
    "vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
    "max_position_embeddings": 20, "num_labels": 3,
}  # fmt: skip
DISTIL = {
    "vocab_size": 50, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 20,
    "num_labels": 3,
}  # fmt: skip
CASES = {
    "bert": ("Bert", SIZES, 0),
    "roberta": ("Roberta", SIZES, 1),
    "xlm-roberta": ("XLMRoberta", SIZES | {"type_vocab_size": 1}, 1),
    "camembert": ("Camembert", SIZES, 1),
    "electra": ("Electra", SIZES | {"embedding_size": 16}, 0),
    "electra, embeddings as wide as the rest": ("Electra", SIZES | {"embedding_size": 32}, 0),
    "distilbert": ("DistilBert", DISTIL, 0),
}


def checkpoint(case, folder, model="ForSequenceClassification"):
    name, sizes, pad = CASES[case]
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**sizes, pad_token_id=pad)
    theirs = getattr(transformers, name + model)(config).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    theirs.save_pretrained(folder)
    return theirs, pad


def batch(pad):
    ids = torch.tensor([[2, 5, 9, 11, 3], [2, 7, 3, pad, pad]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    return ids, mask


def test_every_family_has_a_case():
    assert {case.partition(",")[0] for case in CASES} == set(FAMILIES)


@pytest.mark.parametrize("case", CASES)
def test_a_classifier_answers_as_in_transformers(case, tmp_path):
    theirs, pad = checkpoint(case, tmp_path)
    ours = load_pretrained(tmp_path, labels=3, seed=0).eval()
    ids, mask = batch(pad)
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=mask).logits
        torch.testing.assert_close(ours(ids, mask).logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_hidden_states_are_those_of_the_base_model(case, tmp_path):
    theirs, pad = checkpoint(case, tmp_path, model="Model")
    ours = load_pretrained(tmp_path, labels=2, seed=0).eval()
    ids, mask = batch(pad)
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        for mine, their in zip(ours(ids, mask).hidden, expected, strict=True):
            torch.testing.assert_close(mine[mask.bool()], their[mask.bool()], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_a_trimmed_model_is_exported_and_kept(case, tmp_path):
    _, pad = checkpoint(case, tmp_path)
    model = keep_positions(keep_pieces(load_pretrained(tmp_path, labels=3, seed=0), range(40)), 8).eval()
    if model.shape.rank is None:
        model = factor_words(model, 16, counts=[1] * 40)
    ids, mask = batch(pad)
    lengths = mask.sum(1)
    starts = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
    tokens = Tokens(ids[mask.bool()].numpy(), starts.numpy(), pad)
    with torch.no_grad():
        expected = model(ids, mask).logits
    arrays = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    check_parity(onnx_logits(encoder_to_onnx(model.shape, arrays), tokens), expected.numpy())
    save_encoder(model, tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(load_encoder(tmp_path)(ids, mask).logits, expected)


def test_old_names_of_normalization_are_read(tmp_path):
    theirs, pad = checkpoint("bert", tmp_path)
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in load_file(tmp_path / "model.safetensors").items()
    }
    save_file(renamed, tmp_path / "model.safetensors")
    ids, mask = batch(pad)
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=mask).logits
        found = load_pretrained(tmp_path, labels=3, seed=0).eval()(ids, mask).logits
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "deberta-v2"}, "deberta-v2"),
        ({"model_type": "modernbert"}, "modernbert"),
        ({"hidden_act": "relu"}, "relu"),
        ({"position_embedding_type": "relative_key"}, "relative_key"),
        ({"num_hidden_layers": 3}, "do not fit"),
    ],
)
def test_what_is_computed_otherwise_is_refused(changes, words, tmp_path):
    checkpoint("bert", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")
    with pytest.raises(ModelError, match=words):
        load_pretrained(tmp_path, labels=3, seed=0)


@pytest.mark.parametrize("case", CASES)
def test_the_rows_of_each_head_are_counted(case, tmp_path):
    checkpoint(case, tmp_path)
    assert classifier_rows(tmp_path) == 3
    assert has_trained_classifier(tmp_path)
    checkpoint(case, tmp_path, model="Model")
    assert classifier_rows(tmp_path) is None


def test_roberta_without_a_pad_id_reads_its_positions_as_transformers_does(tmp_path):
    theirs, pad = checkpoint("roberta", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    del config["pad_token_id"]
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    ids, mask = batch(pad)
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=mask).logits
        found = load_pretrained(tmp_path, labels=3, seed=0).eval()(ids, mask).logits
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_the_padding_piece_keeps_its_meaning_where_pieces_go(tmp_path):
    checkpoint("roberta", tmp_path)
    model = load_pretrained(tmp_path, labels=3, seed=0)
    trimmed = keep_pieces(model, [1, 4, 5])
    assert trimmed.shape.pad_id == 0
    assert put_pieces_back(trimmed, [1, 4, 5], original=model).shape.pad_id == 1
