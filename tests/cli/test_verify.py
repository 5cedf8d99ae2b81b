import json
import shutil

from tests.cli.test_main import run
from tests.small import golden_bundle


def test_same_answers(tiny_bundle):
    done = run("verify", tiny_bundle)
    assert done.returncode == 0
    assert "same answers" in done.stdout


def test_json(tiny_bundle):
    found = json.loads(run("verify", tiny_bundle, "--json").stdout)
    assert found["ok"] is True
    assert found["golden"]["labels_changed"] == 0


def test_other_answers_are_exit_code_3(tmp_path):
    done = run("verify", golden_bundle(tmp_path, ["good", "bad"], shift=1.0), "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["ok"] is False


def test_a_changed_byte_is_one_line_and_exit_code_2(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    content = bytearray((folder / "model.onnx").read_bytes())
    content[100] ^= 1
    (folder / "model.onnx").write_bytes(content)
    done = run("verify", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: model.onnx has changed")
    assert done.stderr.count("\n") == 1
