import json
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from penjing.bundle import read_manifest
from penjing.cli.bench_measure import BenchRow, measure_bundles
from penjing.cli.bench_show import comparisons, show_bench
from penjing.cli.main import app
from penjing.errors import BundleError, DataError, TaskError
from penjing.measure.latency import Measured
from penjing.records import Interval, Latency


def bench(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments), "--rounds", "1", "--threads", "1"])


def measure(*bundles, source=None):
    return measure_bundles(bundles, source=source, column="text", engine=None, threads=1, batch_size=1, rounds=1)


def row(name, p50, low, high):
    latency = Latency(
        p50_s=p50,
        p50_ci=Interval(low=low, high=high),
        p95_s=2 * p50,
        engine_p50_s=p50 / 2,
        n=240,
        batch_size=1,
        threads=2,
    )
    return BenchRow(name, 1_200_000, Measured(latency, 52_000_000, 3168.4))


def test_two_bundles_side_by_side_as_json(tiny_bundle, tiny_linear_bundle):
    found = bench(tiny_bundle, tiny_linear_bundle, "--json")
    assert found.exit_code == 0, found.output
    answer = json.loads(found.stdout)
    assert set(answer["bundles"]) == {str(tiny_bundle), str(tiny_linear_bundle)}
    assert answer["machine"]["cores"] >= 1
    for figures in answer["bundles"].values():
        latency = figures["latency"]
        assert 0 < latency["p50_ci"]["low"] <= latency["p50_s"] <= latency["p95_s"]
        assert 0 < latency["engine_p50_s"] < latency["p50_s"]
        assert (latency["n"], latency["threads"], figures["failed"]) == (30, 1, None)
        assert figures["size_bytes"] > 100
        assert figures["throughput_per_s"] > 0


def test_a_bundle_that_fails_is_said_beside_one_that_does_not(tiny_bundle, tiny_linear_bundle):
    found = bench(tiny_bundle, tiny_linear_bundle, "--engine", "onnxruntime")
    assert found.exit_code == 2
    assert f"{tiny_linear_bundle} failed: " in found.stderr
    assert "this engine cannot run this bundle" in found.stderr
    assert f"{tiny_bundle} failed" not in found.stderr


def test_texts_come_from_a_file(tiny_linear_bundle, tmp_path):
    texts = tmp_path / "texts.txt"
    texts.write_text("good film\n很好\n", encoding="utf-8")
    (found,) = measure(tiny_linear_bundle, source=str(texts))
    assert found.measured.failed is None


def test_the_table_shows_every_figure(capsys):
    show_bench([row("runs/a", 0.00206, 0.00188, 0.00237)], threads=2, batch_size=1)
    heads, values, *rest = capsys.readouterr().out.splitlines()
    assert " ".join(heads.split()) == "bundle p50 ms [95 %] p95 ms engine ms texts/s memory size"
    assert " ".join(values.split()) == "runs/a 2.06 [1.88, 2.37] 4.12 1.03 3,168 52.0 MB 1.2 MB"
    assert "2 threads, batch 1, n = 240 batches each" in " ".join(rest)


def test_a_failed_bundle_has_a_row_and_a_reason(capsys):
    show_bench([BenchRow("[red]", 512, Measured(None, None, None, "no luck"))], threads=2, batch_size=1)
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1].split() == ["[red]", "failed", "-", "-", "-", "-", "512", "B"]
    assert shown.err == "[red] failed: no luck\n"


def test_differences_are_claimed_only_beyond_the_noise():
    first, faster = row("a", 0.004, 0.0038, 0.0042), row("b", 0.001, 0.0009, 0.0011)
    slower, close = row("c", 0.008, 0.0075, 0.0085), row("d", 0.0039, 0.0035, 0.0041)
    failed = BenchRow("e", 1, Measured(None, None, None, "no luck"))
    assert comparisons([first, faster, slower, close, failed]) == [
        "b is 4.00x faster at p50 than a.",
        "c is 2.00x slower at p50 than a.",
        "d and a differ within the noise at p50: their intervals overlap.",
    ]
    assert comparisons([failed]) == []


def test_what_cannot_be_measured_is_an_error(tiny_bundle, tiny_linear_bundle, tmp_path):
    with pytest.raises(BundleError, match=r"no golden answers: .* Give --input FILE"):
        measure(tiny_linear_bundle)
    with pytest.raises(TaskError, match="given twice"):
        measure(tiny_bundle, tiny_bundle)
    with pytest.raises(BundleError, match="no bundle here"):
        measure(tmp_path / "nothing")
    empty = tmp_path / "empty.txt"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(DataError):
        measure(tiny_bundle, source=str(empty))


def test_bundles_of_two_kinds_are_not_compared(tiny_bundle, tmp_path, monkeypatch):
    other = shutil.copytree(tiny_bundle, tmp_path / "other")
    kinds = {tiny_bundle: "classify", other: "generate"}
    manifest = read_manifest(tiny_bundle)
    monkeypatch.setattr(
        "penjing.cli.bench_measure.read_manifest", lambda path: manifest.model_copy(update={"kind": kinds[path]})
    )
    with pytest.raises(TaskError, match="two kinds"):
        measure(tiny_bundle, other)


def test_a_changed_bundle_is_not_measured(tiny_bundle, tmp_path):
    changed = shutil.copytree(tiny_bundle, tmp_path / "changed")
    with (changed / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BundleError, match=r"model.onnx has changed"):
        measure(tiny_bundle, changed)


def test_measuring_never_imports_torch():
    code = "import sys\nimport penjing.cli.bench_measure\nimport penjing.bundle.worker\nprint('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"
