import json

import pytest
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, BertModel

from penjing.errors import ModelError
from penjing.train.checkpoint import load_encoder, load_pretrained, save_encoder
from penjing.train.encoder import Encoder, EncoderShape
from tests.train.tiny import tiny_encoder


def bert_config(**changes):
    return BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=20, num_labels=3, **changes,
    )  # fmt: skip


def write_checkpoint(model, folder):
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(model.config.to_dict()))


@pytest.fixture
def batch():
    ids = torch.tensor([[2, 5, 9, 11, 3], [2, 7, 3, 0, 0]])
    return ids, (ids != 0).long()


def test_answers_as_transformers_bert_for_sequence_classification(tmp_path, batch):
    torch.manual_seed(0)
    theirs = BertForSequenceClassification(bert_config()).eval()
    write_checkpoint(theirs, tmp_path)
    ours = load_pretrained(tmp_path, labels=3, seed=0).eval()
    ids, mask = batch
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=mask).logits
        torch.testing.assert_close(ours(ids, mask).logits, expected, atol=1e-5, rtol=1e-5)


def test_hidden_states_equal_bert_model_without_pooler(tmp_path, batch):
    theirs = BertModel(bert_config(), add_pooling_layer=False).eval()
    write_checkpoint(theirs, tmp_path)
    ours = load_pretrained(tmp_path, labels=3, seed=0).eval()
    assert ours.shape.pooling == "mean"
    ids, mask = batch
    with torch.no_grad():
        expected = theirs(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        for mine, their in zip(ours(ids, mask).hidden, expected, strict=True):
            torch.testing.assert_close(mine[mask.bool()], their[mask.bool()], atol=1e-5, rtol=1e-5)


def test_an_empty_folder_says_nothing_of_pooling(tmp_path):
    theirs = BertModel(bert_config())
    write_checkpoint(theirs, tmp_path)
    (tmp_path / "1_Pooling").mkdir()
    assert load_pretrained(tmp_path, labels=2, seed=0).shape.pooling == "first"
    (tmp_path / "1_Pooling" / "config.json").write_text("{}", encoding="utf-8")
    assert load_pretrained(tmp_path, labels=2, seed=0).shape.pooling == "mean"


def test_padding_does_not_change_an_answer():
    model = tiny_encoder()
    ids = torch.randint(10, 60, (1, 6))
    padded = torch.cat([ids, torch.zeros(1, 5, dtype=torch.long)], dim=1)
    with torch.no_grad():
        alone = model(ids, torch.ones(1, 6)).logits
        beside = model(padded, (padded != 0).long()).logits
    torch.testing.assert_close(alone, beside, atol=1e-5, rtol=1e-5)


def test_without_dropout_training_answers_as_evaluation_does():
    torch.manual_seed(0)
    shape = EncoderShape(vocabulary=20, hidden=8, head_size=4, heads=(2, 2), ffn=(16, 16), positions=8, labels=2)
    model = Encoder(shape)
    ids, mask = torch.randint(20, (4, 6)), torch.ones(4, 6)
    answered = model.eval()(ids, mask).logits
    assert not torch.allclose(model.train()(ids, mask).logits, answered, atol=1e-3)
    model.set_dropout(0.0)
    torch.testing.assert_close(model(ids, mask).logits, answered)


def test_saved_encoder_is_read_back(tmp_path):
    model = tiny_encoder(pooling="first")
    save_encoder(model, tmp_path)
    again = load_encoder(tmp_path)
    assert again.shape == model.shape
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


@pytest.mark.parametrize(("change", "words"), [({"model_type": "gpt2"}, "gpt2"), ({"hidden_act": "relu"}, "relu")])
def test_other_architectures_are_refused(tmp_path, change, words):
    write_checkpoint(BertModel(bert_config()), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | change
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=words):
        load_pretrained(tmp_path, labels=2, seed=0)


def test_weights_that_do_not_fit_the_config_are_refused(tmp_path):
    write_checkpoint(BertModel(bert_config()), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | {"intermediate_size": 128}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="do not fit"):
        load_pretrained(tmp_path, labels=2, seed=0)
