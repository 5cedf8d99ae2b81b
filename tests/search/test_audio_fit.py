"""`fit` on sounds, from a task file to a bundle that predicts and is verified: from nothing, and from a checkpoint."""

import csv
import json

import numpy as np
import pytest
import torch
from transformers import WhisperConfig, WhisperForConditionalGeneration
from typer.testing import CliRunner

import penjing
from penjing.bundle.read import read_manifest
from penjing.cli.main import app
from penjing.errors import BundleError, DataError, TaskError
from penjing.sounds.read import RATE
from tests.sounds.made import stored, tone

TASK = """
name = "tones"
kind = "audio"
model = "{model}"
[data]
source = "{source}"
group = "speaker"
[bar]
drop_at_most = 0.2
[recipe]
layers = [1]
ffn = [0.5]
seconds = 0.3
epochs = 10
student_epochs = 6
convnet = "none"
{more}
"""
LABELS = ("falling", "rising")


def _glide(label, seed):
    """Return a tone that rises or falls between pitches of a voice of its own."""
    low = 300 + 20 * (seed % 12)
    ends = (low, 3 * low) if label == "rising" else (3 * low, low)
    pitch = np.linspace(*ends, round(0.3 * RATE))
    noise = np.random.default_rng(seed).normal(0, 0.02, len(pitch))
    return (0.4 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE) + noise).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    with (folder / "tones.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["audio", "label", "speaker"])
        for number in range(240):
            label, name = LABELS[number % 2], f"{number}.wav"
            (folder / name).write_bytes(stored(_glide(label, number // 2)))
            table.writerow([name, label, f"voice {number // 2 % 12}"])
        (folder / "broken.wav").write_bytes(b"RIFF and no more")
        table.writerow(["broken.wav", "rising", "voice 3"])
    return folder


def _fit(folder, name, model, more):
    task = folder / f"{name}.toml"
    task.write_text(TASK.format(model=model, source="tones.csv", more=more), encoding="utf-8")
    done = CliRunner().invoke(app, ["fit", str(task), "--output", str(folder / name)])
    assert done.exit_code == 0, done.output
    return folder / name, done


@pytest.fixture(scope="module")
def new(folder):
    return _fit(folder, "new", "new", "vit = { image = 32, patch = 8, width = 32, layers = 2 }")


@pytest.fixture(scope="module")
def tuned(folder):
    torch.manual_seed(0)
    config = WhisperConfig(
        d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=40, max_source_positions=50, vocab_size=100,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=3,
    )  # fmt: skip
    WhisperForConditionalGeneration(config).save_pretrained(folder / "whisper")
    return _fit(folder, "tuned", folder / "whisper", "learning_rate = 0.003")


@pytest.mark.parametrize("name", ["new", "tuned"])
def test_a_run_ends_with_a_bundle_that_hears(name, request, folder):
    output, done = request.getfixturevalue(name)
    assert "penjing predict" in done.output
    assert "1 layer, 50% FFN, int8" in done.output
    assert ("teacher int4" in done.output) == (name == "tuned")
    manifest = read_manifest(output / "bundle")
    assert manifest.kind == "audio"
    assert manifest.input["type"] == "spectrogram"
    assert manifest.quality["test"].value > 0.9
    [unreadable] = (output / "unreadable.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(unreadable)["name"] == "broken.wav"
    answered = [penjing.classify_audio(stored(_glide(label, 999)), model_path=output / "bundle") for label in LABELS]
    assert [one.label for one in answered] == list(LABELS)
    assert penjing.verify(output / "bundle").ok


def test_speakers_stay_together(new):
    output, _ = new
    [kept] = output.glob("stages/sounds-*/examples.json")
    names = json.loads(kept.read_text(encoding="utf-8"))["names"]
    voices = {part: {int(name.partition(".")[0]) // 2 % 12 for name in found} for part, found in names.items()}
    assert not voices["train"] & voices["test"]
    assert not voices["train"] & voices["dev"]
    assert not voices["dev"] & voices["test"]
    assert all(voices.values())


def test_predict_files_folders_and_windows(new, tmp_path):
    bundle = str(new[0] / "bundle")
    long = np.concatenate([_glide("rising", 1), np.zeros(RATE // 2, np.float32), _glide("falling", 2)])
    (tmp_path / "long.flac").write_bytes(stored(long, "FLAC"))
    (tmp_path / "none.wav").write_bytes(b"none")
    done = CliRunner().invoke(app, ["predict", bundle, str(tmp_path)])
    assert done.exit_code == 2
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [("label" in row, "error" in row) for row in rows] == [(True, False), (False, True)]
    done = CliRunner().invoke(app, ["predict", bundle, str(tmp_path / "long.flac"), "--windows"])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows[0]["file"].endswith("long.flac#t=0,0.3")
    assert rows[0]["label"] == "rising"
    assert next(row["label"] for row in rows if "#t=0.75," in row["file"]) == "falling"


def test_a_bundle_for_sounds_takes_nothing_else(new):
    bundle = new[0] / "bundle"
    with pytest.raises(BundleError, match="for sounds"):
        penjing.classify_text("a text", model_path=bundle)
    with pytest.raises(BundleError, match="Use classify_audio"):
        penjing.classify_image(b"", model_path=bundle)
    with pytest.raises(DataError):
        penjing.classify_audio(b"no sound", model_path=bundle)


def test_bench_measures_it(new):
    done = CliRunner().invoke(app, ["bench", str(new[0] / "bundle"), "--rounds", "1"])
    assert done.exit_code == 0, done.output
    assert "sounds/s" in done.output


def test_check_finds_what_cannot_be_read(folder):
    done = CliRunner().invoke(app, ["check", str(folder / "tones.csv"), "--audio", "audio"])
    assert "files that cannot be read: 1" in done.output
    assert "at most 0.3 s long" in done.output


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"recipe": {"augment": "flip"}}, "no meaning"),
        ({"recipe": {"sizes": [16]}}, "no meaning"),
        ({"kind": "image", "recipe": {"augment": "specaugment"}}, "no meaning"),
        ({"kind": "image", "recipe": {"seconds": 1.0}}, "no meaning"),
    ],
)
def test_recipes_of_other_kinds_are_refused(more, what):
    values = {"name": "x", "kind": "audio", "model": "new", "data": {"source": "x"}, "bar": {"drop_at_most": 0.1}}
    with pytest.raises(TaskError, match=what):
        penjing.make_task(**{**values, **more})


def test_too_few_groups_are_refused(tmp_path):
    with (tmp_path / "few.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["audio", "label", "speaker"])
        for number in range(8):
            (tmp_path / f"{number}.wav").write_bytes(stored(tone(300.0 + number)))
            table.writerow([f"{number}.wav", LABELS[number % 2], f"voice {number % 2}"])
    task = penjing.make_task(
        name="few", kind="audio", model="new", data={"source": str(tmp_path / "few.csv"), "group": "speaker"},
        bar={"drop_at_most": 0.1},
    )  # fmt: skip
    with pytest.raises(DataError, match="too few groups"):
        penjing.fit(task, output=tmp_path / "run")
