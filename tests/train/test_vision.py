"""Vision Transformers: what transformers' ViT and DeiT compute, by their real names; exported, cut, in int8."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import (
    DeiTConfig,
    DeiTForImageClassification,
    DeiTForImageClassificationWithTeacher,
    ResNetConfig,
    ResNetForImageClassification,
    ViTConfig,
    ViTForImageClassification,
)

from penjing.errors import ModelError
from penjing.export.layers import Precision
from penjing.export.onnx_convnet import convnet_to_onnx
from penjing.export.onnx_vision import vision_to_onnx
from penjing.export.parity import run_onnx
from penjing.search.precision import arrays_of
from penjing.shrink.importance import least_needed_blocks, unit_importance
from penjing.shrink.quantize import calibrate, int8_layers
from penjing.shrink.resolution import at_resolution
from penjing.shrink.structure import extract, keep_blocks, narrow, sort_units
from penjing.train.convnet import new_convnet
from penjing.train.convnet_checkpoint import (
    load_checkpoint_convnet,
    read_checkpoint_convnet,
    save_checkpoint_convnet,
)
from penjing.train.device import Device
from penjing.train.encoder import Part
from penjing.train.pictures import Pictures
from penjing.train.vision import VisionShape, new_vision_transformer
from penjing.train.vision_checkpoint import (
    checkpoint_frame,
    load_pretrained_vision,
    load_vision,
    save_vision,
    tokens_of,
)
from penjing.train.vision_lessons import deit_loss, picture_label_loss, picture_logits

DEVICE = Device("cpu", bfloat16=False)
SIZES = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64, "image_size": 16,
    "patch_size": 4, "num_labels": 5,
}  # fmt: skip
NAMES = [f"LABEL_{number}" for number in range(5)]
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def _pixels(count=6, channels=3, size=16):
    return np.random.default_rng(0).integers(0, 256, (count, size, size, channels)).astype(np.uint8)


def _pictures(count=12, labels=5, **told):
    return Pictures(_pixels(count, **told), np.arange(count, dtype=np.int64) % labels, labels)


def _model(tokens=2, **more):
    shape = VisionShape(
        image=16, patch=4, hidden=32, head_size=16, heads=(2,) * 3, ffn=(128,) * 3, labels=5, tokens=tokens, **more
    )
    model = new_vision_transformer(shape, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def _saved(model, folder):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.eval().save_pretrained(folder)
    told = {"image_mean": MEAN, "image_std": STD, "do_center_crop": True, "size": {"shortest_edge": 20}, "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(told), encoding="utf-8")


def _theirs(model):
    scaled = (torch.from_numpy(_pixels()).permute(0, 3, 1, 2) / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(
        STD
    )[:, None, None]
    with torch.inference_mode():
        return model(pixel_values=scaled).logits.numpy()


@pytest.mark.parametrize(
    ("config", "kind", "tokens"),
    [
        (ViTConfig, ViTForImageClassification, 1),
        (DeiTConfig, DeiTForImageClassificationWithTeacher, 2),
    ],
)
def test_a_checkpoint_answers_as_transformers_does(tmp_path, config, kind, tokens):
    model = kind(config(**SIZES))
    _saved(model, tmp_path)
    assert tokens_of(tmp_path) == tokens
    ours = load_pretrained_vision(tmp_path, labels=NAMES, tokens=tokens, seed=0)
    with torch.inference_mode():
        found = ours.eval()(torch.from_numpy(_pixels())).logits.numpy()
    assert np.abs(found - _theirs(model)).max() < 1e-5


def test_the_first_head_of_a_deit_without_teacher_reads_the_class_token(tmp_path):
    model = DeiTForImageClassification(DeiTConfig(**SIZES))
    _saved(model, tmp_path)
    ours = load_pretrained_vision(tmp_path, labels=NAMES, tokens=2, seed=0)
    with torch.inference_mode():
        found = ours.eval()(torch.from_numpy(_pixels())).answers[0].numpy()
    assert np.abs(found - _theirs(model)).max() < 1e-5


def test_a_vit_gets_a_second_token_and_other_labels_fresh_heads(tmp_path):
    _saved(ViTForImageClassification(ViTConfig(**SIZES)), tmp_path)
    ours = load_pretrained_vision(tmp_path, labels=[*NAMES, "x", "y"], tokens=2, seed=0).eval()
    assert torch.equal(ours.tokens[0], ours.tokens[1])
    with torch.inference_mode():
        assert ours(torch.from_numpy(_pixels())).logits.abs().max() == 0


def test_a_head_is_kept_by_what_its_rows_mean(tmp_path):
    model = ViTForImageClassification(ViTConfig(**SIZES))
    _saved(model, tmp_path)
    turned = load_pretrained_vision(tmp_path, labels=NAMES[::-1], tokens=1, seed=0).eval()
    with torch.inference_mode():
        found = turned(torch.from_numpy(_pixels())).logits.numpy()
    assert np.abs(found[:, ::-1] - _theirs(model)).max() < 1e-5
    other = load_pretrained_vision(tmp_path, labels=["a", "b", "c", "d", "e"], tokens=1, seed=0)
    assert float(other.heads[0].weight.detach().abs().max()) == 0


def test_the_frame_is_what_the_checkpoint_says(tmp_path):
    _saved(ViTForImageClassification(ViTConfig(**SIZES)), tmp_path)
    frame = checkpoint_frame(tmp_path)
    assert (frame.size, frame.way, frame.share, frame.resample) == (16, "cover", 0.8, "bicubic")
    (tmp_path / "preprocessor_config.json").unlink()
    assert checkpoint_frame(tmp_path).way == "stretch"


def test_other_architectures_and_functions_are_refused(tmp_path):
    _saved(ViTForImageClassification(ViTConfig(**SIZES, hidden_act="relu")), tmp_path)
    with pytest.raises(ModelError, match="activation function"):
        load_pretrained_vision(tmp_path, labels=NAMES, tokens=1, seed=0)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "swin"}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"'swin'.*vit, deit"):
        load_pretrained_vision(tmp_path, labels=NAMES, tokens=1, seed=0)


@pytest.mark.parametrize("tokens", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_exported_graph_answers_alike(tokens, channels):
    scale = {"mean": (90.0,) * channels, "deviation": (60.0,) * channels}
    model, pictures = _model(tokens, **scale), _pictures(channels=channels)
    found = run_onnx(vision_to_onnx(model.shape, arrays_of(model)), {"pixels": pictures.pixels})
    assert np.abs(found - picture_logits(model, pictures, device=DEVICE)).max() < 1e-4


def test_int8_is_for_linear_layers_alone_and_nearly_the_same():
    model, pictures = _model(), _pictures()
    ranges = calibrate(model, pictures, device=DEVICE)
    assert set(ranges) == set(int8_layers(model))
    assert {name.split(".")[0] for name in ranges} == {"blocks", "patches"}
    graph = vision_to_onnx(model.shape, arrays_of(model), precision=Precision(linear=ranges, embeddings="int8"))
    expected = picture_logits(model, pictures, device=DEVICE)
    found = run_onnx(graph, {"pixels": pictures.pixels})
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
    one_by_one = np.concatenate([run_onnx(graph, {"pixels": pictures.pixels[row : row + 1]}) for row in range(12)])
    assert np.array_equal(found.argmax(1), one_by_one.argmax(1))


def test_a_part_answers_as_the_cut_model():
    model, pictures = _model(), _pictures()
    part = Part(blocks=(0, 2), heads=1, ffn=64)
    expected = picture_logits(model, pictures, device=DEVICE, part=part)
    assert np.abs(picture_logits(extract(model, part), pictures, device=DEVICE) - expected).max() < 1e-5


def test_sorting_units_changes_nothing_and_narrowing_keeps_the_important_ones():
    model, pictures = _model(), _pictures()
    importance = unit_importance(model, pictures, loss=picture_label_loss, device=DEVICE)
    expected = picture_logits(model, pictures, device=DEVICE)
    assert np.abs(picture_logits(sort_units(model, importance), pictures, device=DEVICE) - expected).max() < 1e-4
    small = narrow(model, importance, heads=0.5, ffn=0.5)
    assert (small.shape.heads, small.shape.ffn) == ((1,) * 3, (64,) * 3)
    kept = np.sort(importance.ffn[0].argsort()[::-1][:64].copy())
    assert torch.equal(small.blocks[0].ffn_in.weight, model.blocks[0].ffn_in.weight[kept])


def test_the_block_that_does_nothing_goes_first():
    model, pictures = _model(), _pictures()
    with torch.no_grad():
        for name in ("attention_out", "ffn_out"):
            layer = getattr(model.blocks[1], name)
            layer.weight.zero_()
            layer.bias.zero_()
    assert least_needed_blocks(model, pictures, count=1, device=DEVICE) == (1,)
    expected = picture_logits(model, pictures, device=DEVICE)
    assert np.abs(picture_logits(keep_blocks(model, [0, 2]), pictures, device=DEVICE) - expected).max() < 1e-5


def test_a_lower_resolution_looks_at_fewer_patches():
    model = _model()
    small = at_resolution(model, 8)
    assert small.positions.shape == (4, 32)
    with torch.inference_mode():
        assert torch.equal(
            small(torch.from_numpy(_pixels(size=16))).pixels, torch.from_numpy(_pixels(size=16))
        )  # what a teacher sees is what came
        assert small(torch.from_numpy(_pixels(size=8))).logits.shape == (6, 5)
    with pytest.raises(ModelError, match="do not divide"):
        at_resolution(model, 10)


def test_what_is_kept_on_disk_is_the_same_model(tmp_path):
    model = _model(mean=(90.0,), deviation=(60.0,))
    save_vision(model, tmp_path)
    pictures = _pictures(channels=1)
    found = load_vision(tmp_path)
    assert found.shape == model.shape
    assert np.array_equal(
        picture_logits(found, pictures, device=DEVICE), picture_logits(model, pictures, device=DEVICE)
    )


def test_the_second_token_learns_the_label_that_the_teacher_names():
    model, pictures = _model(), _pictures()
    pixels, targets = pictures.batch(np.arange(4))
    output = model(pixels, targets)
    said = torch.tensor([4, 3, 2, 1])

    def teacher(asked):
        assert torch.equal(asked, pixels)
        return output._replace(logits=torch.nn.functional.one_hot(said, 5).float())

    expected = 0.5 * torch.nn.functional.cross_entropy(output.answers[0], targets) + 0.5 * (
        torch.nn.functional.cross_entropy(output.answers[1], said)
    )
    assert float(deit_loss(teacher)(output, np.arange(4)).detach()) == pytest.approx(float(expected.detach()))


@pytest.mark.parametrize(("channels", "side"), [(1, 16), (3, 80)])
def test_the_small_convnet_is_exported_as_it_is(channels, side):
    scale = {"mean": (90.0,) * channels, "deviation": (60.0,) * channels}
    model = new_convnet(labels=5, image=side, seed=0, **scale)
    pictures = _pictures(channels=channels, size=side)
    model.train()(torch.from_numpy(pictures.pixels))  # so that the running statistics are no longer 0 and 1
    graph = convnet_to_onnx(arrays_of(model), sides=(side, side), stem_stride=model.stem.stride[0])
    expected = picture_logits(model, pictures, device=DEVICE)
    assert np.abs(run_onnx(graph, {"pixels": pictures.pixels}) - expected).max() < 1e-4


@pytest.mark.parametrize("channels", [1, 3])
def test_a_convnet_of_a_checkpoint_teaches_with_a_fresh_head(tmp_path, channels):
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic", "num_labels": 3}
    _saved(ResNetForImageClassification(ResNetConfig(**sizes)), tmp_path)
    model = load_checkpoint_convnet(tmp_path, labels=5, seed=0)
    pictures = _pictures(channels=channels, size=32)
    expected = picture_logits(model, pictures, device=DEVICE)
    assert expected.shape == (12, 5)
    (tmp_path / "kept").mkdir()
    save_checkpoint_convnet(model, tmp_path / "kept")
    found = picture_logits(read_checkpoint_convnet(tmp_path / "kept"), pictures, device=DEVICE)
    assert np.abs(found - expected).max() < 1e-5
    _saved(ViTForImageClassification(ViTConfig(**SIZES)), tmp_path)
    with pytest.raises(ModelError, match="not a convnet"):
        load_checkpoint_convnet(tmp_path, labels=5, seed=0)


def test_pictures_change_by_chance_and_mix_their_labels():
    plain = _pictures(8)
    pixels, targets = plain.batch(np.arange(8))
    assert np.array_equal(pixels.numpy(), plain.pixels)
    assert torch.equal(targets.argmax(1), torch.arange(8) % 5)
    for augmentation in ("flip", "shift", "randaugment"):
        changed = replace(plain, augmentation=augmentation)
        torch.manual_seed(1)
        first = changed.batch(np.arange(8))[0]
        torch.manual_seed(1)
        assert torch.equal(first, changed.batch(np.arange(8))[0])
        assert first.shape == pixels.shape
        assert 0 <= float(first.min()) <= float(first.max()) <= 255
        assert not torch.equal(first, pixels.float())
    mixed, shares = replace(plain, mixup=0.5).batch(np.arange(8))
    assert torch.allclose(shares.sum(1), torch.ones(8))
    assert (shares.max(1).values >= 0.5).all()
    assert not torch.equal(mixed, pixels.float())
