"""`fit` on pictures, from a task file to a bundle that predicts, is verified and measured; a killed run goes on."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import penjing
from penjing.bundle.read import read_manifest
from penjing.cli.main import app
from penjing.errors import BundleError, DataError, TaskError
from penjing.pictures.frame import png
from tests.pictures.drawn import stored

TASK = """
name = "quarters"
kind = "image"
[data]
source = "data"
[bar]
drop_at_most = 0.2
[recipe]
vit = { image = 8, patch = 4, width = 32, layers = 2 }
layers = [1]
ffn = [0.5]
sizes = [8, 4]
epochs = 12
student_epochs = 6
"""
LABELS = ("lower", "upper")


def _picture(label, seed):
    """Return a picture that is bright above or below, in one of two colours: no pixel alone says which."""
    values = np.random.default_rng(seed).integers(0, 60, (8, 8, 3)).astype(np.uint8)
    rows = slice(0, 4) if label == "upper" else slice(4, 8)
    values[rows, :, seed % 3] += 150
    return values


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    for number in range(240):
        label = LABELS[number % 2]
        path = folder / "data" / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(_picture(label, number)))
    (folder / "data" / "upper" / "broken.png").write_bytes(b"\x89PNG and no more")
    (folder / "task.toml").write_text(TASK, encoding="utf-8")
    done = CliRunner().invoke(app, ["fit", str(folder / "task.toml"), "--output", str(folder / "run")])
    assert done.exit_code == 0, done.output
    return folder, done


def test_the_run_ends_with_a_bundle_a_report_and_what_could_not_be_read(run):
    folder, done = run
    assert "1 layer, 50% FFN, 4 x 4, int8" in done.output
    assert "penjing predict" in done.output
    assert "export convnet" in done.output
    manifest = read_manifest(folder / "run" / "bundle")
    assert manifest.kind == "image"
    assert manifest.quality["test"].value > 0.9
    assert manifest.golden is not None
    [unreadable] = (folder / "run" / "unreadable.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(unreadable)["name"] == "upper/broken.png"
    report = (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert "quarters" in report
    assert "cannot be read" in report


def test_the_same_command_uses_what_is_there(run):
    folder, _ = run
    stages = sorted(path.name for path in (folder / "run" / "stages").iterdir())
    again = CliRunner().invoke(app, ["fit", str(folder / "task.toml"), "--output", str(folder / "run")])
    assert again.exit_code == 0
    assert sorted(path.name for path in (folder / "run" / "stages").iterdir()) == stages


def test_files_and_folders_are_answered_and_those_that_cannot_be_read_named(run):
    folder, _ = run
    bundle, files = str(folder / "run" / "bundle"), folder / "data" / "upper"
    one = CliRunner().invoke(app, ["predict", bundle, str(files / "1.png")])
    assert one.exit_code == 0
    assert json.loads(one.stdout)["label"] == "upper"
    whole = CliRunner().invoke(app, ["predict", bundle, str(files), "--format", "csv"])
    assert whole.exit_code == 2
    rows = whole.stdout.strip().splitlines()
    assert len(rows) == 122
    assert rows[0] == "file,label,score,lower,upper,error"
    assert sum("not a picture" in row or "damaged" in row for row in rows) == 1
    assert "no answer to 1 of them" in whole.stderr


def test_tables_lines_and_parquet_keep_their_places(run, tmp_path):
    folder, _ = run
    bundle, data = str(folder / "run" / "bundle"), folder / "data"
    (data / "list.csv").write_text('image\nupper/1.png\n""\nlower/0.png\n', encoding="utf-8")
    done = CliRunner().invoke(app, ["predict", bundle, "--input", str(data / "list.csv")])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 2
    assert [row.get("label") for row in rows] == ["upper", None, "lower"]
    assert "no picture" in rows[1]["error"]
    lines = f"{data}/upper/1.png\n\n{data}/lower/0.png\n"
    done = CliRunner().invoke(app, ["predict", bundle, "--input", "-"], input=lines)
    assert [json.loads(line).get("label") for line in done.stdout.splitlines()] == ["upper", None, "lower"]
    contents = [(data / name).read_bytes() for name in ("upper/1.png", "lower/0.png")]
    pq.write_table(pa.table({"image": contents}), tmp_path / "some.parquet")
    done = CliRunner().invoke(app, ["predict", bundle, "--input", str(tmp_path / "some.parquet")])
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == ["upper", "lower"]
    (data / "list.csv").unlink()


def test_sizes_that_cannot_be_are_refused_before_anything_is_trained(run, tmp_path):
    folder, _ = run
    for setting in ("recipe.sizes=[6]", "recipe.sizes=[16]", "recipe.vit={image=8,patch=3}"):
        done = CliRunner().invoke(
            app, ["fit", str(folder / "task.toml"), "--output", str(tmp_path / "run"), "--set", setting]
        )
        assert isinstance(done.exception, TaskError), done.output
        assert "cannot be looked at" in str(done.exception)


def test_one_function_answers_files_bytes_and_lists(run):
    folder, _ = run
    bundle, path = folder / "run" / "bundle", folder / "data" / "lower" / "0.png"
    assert penjing.classify_image(path, model_path=bundle).label == "lower"
    content = [path.read_bytes(), stored(_large("upper"), "JPEG", quality=95)]
    assert [found.label for found in penjing.classify_image(content, model_path=bundle)] == ["lower", "upper"]
    with pytest.raises(DataError, match=r"cannot be opened"):
        penjing.classify_image("missing.png", model_path=bundle)


def _large(label):
    from PIL import Image

    return Image.fromarray(_picture(label, 999)).resize((400, 400))


def test_it_is_verified_and_measured(run):
    folder, _ = run
    bundle = str(folder / "run" / "bundle")
    assert CliRunner().invoke(app, ["verify", bundle]).exit_code == 0
    assert penjing.verify(bundle).ok
    bench = CliRunner().invoke(app, ["bench", bundle, "--rounds", "1", "--json"])
    assert bench.exit_code == 0, bench.output


def test_the_data_is_checked_first(run):
    folder, _ = run
    done = CliRunner().invoke(app, ["check", str(folder / "task.toml"), "--json"])
    assert done.exit_code == 0
    found = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
    assert found["unreadable"]["places"] == [["train", 241]]
    assert "upper/broken.png" in found["unreadable"]["examples"][0]
    (folder / "twice" / "upper").mkdir(parents=True)
    (folder / "twice" / "lower").mkdir()
    for name in ("upper/1.png", "upper/2.png", "lower/3.png"):
        (folder / "twice" / name).write_bytes(png(_picture("upper", 1)))
    grave = CliRunner().invoke(app, ["check", str(folder / "twice")])
    assert grave.exit_code == 3
    assert "contradictions" in grave.stdout
    assert "rare labels" in grave.stdout


def test_another_trial_can_be_taken_out_of_the_run(run):
    folder, _ = run
    done = CliRunner().invoke(
        app, ["frontier", str(folder / "run"), "--pick", "size<20MB", "--output", str(folder / "picked")]
    )
    assert done.exit_code == 0, done.output
    assert penjing.verify(folder / "picked").ok


def test_a_bundle_of_texts_and_one_of_pictures_are_told_apart(tiny_bundle):
    with pytest.raises(BundleError, match="for texts"):
        penjing.classify_image("x.png", model_path=tiny_bundle)


def test_a_task_says_what_has_no_meaning_for_pictures(tmp_path):
    with pytest.raises(TaskError, match="vocabulary has no meaning"):
        penjing.make_task(name="x", kind="image", data={"source": "d"}, recipe={"vocabulary": 9})
    with pytest.raises(TaskError, match=r"recipe.vit has no meaning where the teacher starts from a checkpoint"):
        penjing.make_task(name="x", kind="image", model="hf:a/b", data={"source": "d"}, recipe={"vit": {"width": 64}})
