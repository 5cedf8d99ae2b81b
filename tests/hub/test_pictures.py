"""Real checkpoints of the hub answer as transformers says: make test-hub, where there is a network."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageClassification

import penjing
from penjing.pictures.frame import framed
from penjing.train.model_folder import read_config
from penjing.train.references import resolve_picture_model
from penjing.train.vision_checkpoint import checkpoint_frame, load_pretrained_vision, tokens_of
from tests.pictures.drawn import drawn

pytestmark = pytest.mark.hub


@pytest.mark.parametrize("reference", ["hf:google/vit-base-patch16-224", "hf:facebook/deit-tiny-distilled-patch16-224"])
def test_vit_and_deit_answer_as_transformers_says(reference, tmp_path):
    found = resolve_picture_model(reference)
    labels = list(read_config(found.folder)["id2label"].values())
    ours = load_pretrained_vision(found.folder, labels=labels, tokens=tokens_of(found.folder), seed=0).eval()
    drawn(size=(300, 260)).save(tmp_path / "picture.png")
    pixels = torch.from_numpy(framed(tmp_path / "picture.png", checkpoint_frame(found.folder)))[None]
    theirs = AutoModelForImageClassification.from_pretrained(found.folder, local_files_only=True).eval()
    scaled = (pixels.float() - ours.mean) / ours.deviation
    with torch.inference_mode():
        difference = ours(pixels).logits - theirs(pixel_values=scaled.permute(0, 3, 1, 2)).logits
    assert float(difference.abs().max()) < 1e-3


def test_siglip_knows_a_colour(tmp_path):
    from PIL import Image

    Image.fromarray(np.full((224, 224, 3), (200, 20, 20), np.uint8)).save(tmp_path / "red.png")
    siglip = "hf:google/siglip-base-patch16-224"
    found = penjing.classify_image(tmp_path / "red.png", model_path=siglip, labels=["red wall", "green field"])
    assert found.label == "red wall"
