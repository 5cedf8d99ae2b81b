"""CLIP and SigLIP on tiny checkpoints with the real names: what transformers says of the same picture and labels."""

import json

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast, SiglipConfig, SiglipModel

import penjing
from penjing.errors import ModelError, TaskError
from tests.pictures.drawn import drawn

LABELS = ("cat", "dog", "tree")
WORDS = {word: number for number, word in enumerate(["[PAD]", "[END]", "a", "photo", "of", *LABELS])}


def _tokenizer(folder):
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[PAD]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A [END]", special_tokens=[("[END]", 1)])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", eos_token="[END]").save_pretrained(folder)


def _saved(folder, config, kind):
    torch.manual_seed(0)
    text = {
        "vocab_size": len(WORDS), "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 8, "eos_token_id": 1, "bos_token_id": 1, "pad_token_id": 0,
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 16,
        "patch_size": 8,
    }  # fmt: skip
    model = kind(config(text_config=text, vision_config=vision)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    _tokenizer(folder)
    told = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 3, "size": {"height": 16, "width": 16}}
    (folder / "preprocessor_config.json").write_text(json.dumps(told), encoding="utf-8")
    return model


@pytest.mark.parametrize(("config", "kind"), [(CLIPConfig, CLIPModel), (SiglipConfig, SiglipModel)])
def test_scores_are_those_of_transformers(tmp_path, config, kind):
    model = _saved(tmp_path, config, kind)
    picture = drawn(size=(16, 16))
    picture.save(tmp_path / "picture.png")
    ids = torch.tensor([[WORDS[word] for word in ("a", "photo", "of", "a", label)] + [1, 0, 0] for label in LABELS])
    mask = {"attention_mask": (ids != 0).long()} if config is CLIPConfig else {}
    values = torch.from_numpy(np.asarray(picture, np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = model(pixel_values=values, input_ids=ids, **mask).logits_per_image.softmax(-1)[0]
    found = penjing.classify_image(tmp_path / "picture.png", model_path=tmp_path, labels=LABELS)
    assert list(found.scores.values()) == pytest.approx(expected.tolist(), abs=1e-5)
    assert found.label == LABELS[int(expected.argmax())]
    both = penjing.classify_image([tmp_path / "picture.png"] * 2,
                                  model_path=tmp_path, labels=LABELS)  # fmt: skip
    assert [one.label for one in both] == [found.label] * 2


def test_models_that_do_not_compare_are_refused(tmp_path):
    from transformers import ViTConfig, ViTModel

    ViTModel(ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)).save_pretrained(
        tmp_path
    )
    with pytest.raises(ModelError, match=r"'vit'.*clip, siglip"):
        penjing.classify_image("x.png", model_path=tmp_path, labels=LABELS)
    with pytest.raises(TaskError, match="two labels"):
        penjing.classify_image("x.png", model_path=tmp_path, labels=["one"])
