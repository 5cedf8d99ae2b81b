"""From pairs to a bundle, by the calls and commands of a user; files, stdin and bad input."""

import json
import shutil
from pathlib import Path

import polib
import pytest
import torch
from typer.testing import CliRunner

import penjing
from penjing.bundle.read import read_manifest
from penjing.cli.main import app
from penjing.engines.translate import Search
from penjing.engines.translate.ctranslate2 import VOCABULARY, CTranslate2Engine
from penjing.engines.translate.shortlist import SHORTLIST, write_shortlist
from penjing.errors import BundleError, ModelError, TaskError
from penjing.search.fit import FitResult, fit
from penjing.task_file import read_task
from penjing.translation.golden import verify_translations
from penjing.translation.references import open_translator
from tests.translation.toy import pairs


def test_fit_hands_back_a_student_that_translates(toy_run: FitResult) -> None:
    by_name = {trial.name: trial for trial in toy_run.trials}
    assert by_name["teacher"].quality.value > 0.9
    assert by_name["student, int8"].quality.value > 0.9
    assert by_name["student, int8"].size_bytes < by_name["teacher, int8"].size_bytes < by_name["teacher"].size_bytes
    assert toy_run.choice not in {"teacher", "translation memory"}
    assert by_name["translation memory"].quality.value < by_name["teacher"].quality.value
    assert "BLEU" in toy_run.report.read_text(encoding="utf-8")
    manifest = read_manifest(toy_run.bundle)
    assert manifest.trial == toy_run.choice
    assert {found.trial for found in manifest.trials} == by_name.keys() - {"translation memory"}
    assert next(found for found in manifest.trials if found.trial == manifest.trial).passes
    assert toy_run.exit_code == 0


def test_a_bundle_for_onnx_runtime_is_picked_and_translates_alike(toy_run: FitResult, tmp_path: Path) -> None:
    by_name = {trial.name: trial for trial in toy_run.trials}
    portable, plain = by_name["student, int8, onnxruntime"], by_name["student, int8"]
    assert portable.quality.value == pytest.approx(plain.quality.value, abs=0.02)
    arguments = ["frontier", str(toy_run.bundle.parent), "--pick", "engine=onnxruntime", "-o", str(tmp_path / "made")]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
    assert "penjing translate" in found.output
    assert read_manifest(tmp_path / "made").engine == "onnxruntime"
    report = verify_translations(tmp_path / "made", threads=1)
    assert report.n == report.same == report.alone
    with (
        penjing.open_translator(str(toy_run.bundle.parent / str(plain.bundle))) as one,
        penjing.open_translator(str(tmp_path / "made")) as other,
    ):
        sources = one._engine._spelling.pieces([source for source, _ in pairs()[:40]])
        for search in (Search(), Search(beam=4, hypotheses=4), Search(beam=2, hypotheses=2, no_repeat=4)):
            expected, found = (opened._engine._engine.translate(sources, search) for opened in (one, other))
            same = [left[0].pieces == right[0].pieces for left, right in zip(expected, found, strict=True)]
            assert sum(same) >= 38
    text = "Print the old folder %d in {place}"
    translated = penjing.translate_text(text, "en", "zh-CN", model=str(tmp_path / "made"))
    assert (translated.text, translated.problem) == ("在 {place} 中打印旧的文件夹 %d", None)


def test_a_bundle_translates_what_it_never_saw_and_keeps_placeholders(toy_bundle: Path) -> None:
    found = penjing.translate_text("Print the old folder %d in {place}", "en", "zh-CN", model=str(toy_bundle))
    assert (found.text, found.problem) == ("在 {place} 中打印旧的文件夹 %d", None)


def test_the_same_bundle_verifies_and_a_changed_file_does_not(toy_bundle: Path, tmp_path: Path) -> None:
    report = verify_translations(toy_bundle, threads=1)
    assert report.ok
    assert report.n == report.same == report.alone
    copy = shutil.copytree(toy_bundle, tmp_path / "copy")
    (copy / "ctranslate2.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BundleError, match="has changed"):
        penjing.open_translator(str(copy))


@pytest.mark.parametrize("pieces", [b"[", b"\xff", b'{"a": 1}', b"[1, 2]"])
def test_a_damaged_file_of_pieces_is_refused(toy_bundle: Path, tmp_path: Path, pieces: bytes) -> None:
    copy = shutil.copytree(toy_bundle, tmp_path / "copy")
    (copy / VOCABULARY).write_bytes(pieces)
    write_shortlist(copy / SHORTLIST, [[1], [2]])
    with pytest.raises(BundleError, match="file of pieces"):
        CTranslate2Engine(copy, pieces=())


def test_a_second_run_uses_every_stage_again(toy_run: FitResult) -> None:
    folder = toy_run.bundle.parent
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "stages").iterdir()}
    again = fit(read_task(folder.parent / "task.toml"), output=folder)
    assert again.choice == toy_run.choice
    assert {path.name: path.stat().st_mtime_ns for path in (folder / "stages").iterdir()} == before


def test_a_pair_that_the_bundle_does_not_know_is_refused(toy_bundle: Path) -> None:
    with pytest.raises(TaskError, match="en to zh-Hans"):
        penjing.translate_text("Bonjour", "fr", "zh", model=str(toy_bundle))
    with pytest.raises(TaskError, match="en to zh-Hans"):
        penjing.translate_text("Hello", "en", "zh-TW", model=str(toy_bundle))


@pytest.mark.parametrize("options", [["--to", "zh-TW"], ["--from", "fr"]])
def test_a_language_that_the_bundle_does_not_know_is_named(toy_bundle: Path, options: list[str]) -> None:
    found = CliRunner().invoke(app, ["translate", str(toy_bundle), "Open", *options])
    assert found.exit_code != 0
    assert isinstance(found.exception, TaskError)
    assert "does not translate this pair" in str(found.exception)
    assert "en to zh-Hans" in str(found.exception)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["Open", "--input", "a.txt"], "both given"),
        (["Open", "--n-best", "3"], "without --json"),
        (["--input", "a.po", "--json"], "texts and tables"),
    ],
)
def test_options_that_would_do_nothing_are_refused(toy_bundle: Path, given: list[str], said: str) -> None:
    found = CliRunner().invoke(app, ["translate", str(toy_bundle), *given])
    assert isinstance(found.exception, TaskError)
    assert said in str(found.exception)


def test_other_bundles_are_refused(tiny_linear_bundle: Path, toy_bundle: Path) -> None:
    with pytest.raises(ModelError, match="does not translate"):
        penjing.translate_text("Hello", model=str(tiny_linear_bundle))
    with pytest.raises(BundleError, match="penjing translate"):
        penjing.load(toy_bundle)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\n\n",
        "🎉🎉",
        "保存",
        "a\x00b\x1b[31m",
        "half \ud83d a pair",
        "x" * 100_000,
        "Save the new file. " * 3000,
        "%s",
        "%s " * 40,
        "1234 5678",
        "｟0｠ ｟99｠ ｟",
        "שלום עולם, Save the red font",
        "\u202eevil",
    ],
)
def test_odd_texts_give_sane_output(toy_bundle: Path, text: str) -> None:
    found = penjing.translate_text(text, model=str(toy_bundle), threads=1)
    found.text.encode("utf-8")
    assert len(found.text) <= 3 * len(text) + 300
    assert found.text.count("%s") == text.count("%s") or found.problem


def test_white_space_around_and_between_lines_stays(toy_bundle: Path) -> None:
    found = penjing.translate_text("  Save the new file\n\n\tOpen the old table \n", model=str(toy_bundle), threads=1)
    assert found.text == "  保存新的文件\n\n\t打开旧的表格 \n"


def test_terms_and_memory_are_honoured(toy_bundle: Path) -> None:
    found = penjing.translate_texts(
        ["Save the new Picture", "Close it all"],
        model=str(toy_bundle),
        glossary={"new picture": "新照片"},
        memory={"Close it all": "全部关掉"},
        threads=1,
    )
    assert "新照片" in found[0].text
    assert found[1].text == "全部关掉"


def test_n_best_gives_others(toy_bundle: Path) -> None:
    found = penjing.translate_text("Save the new file", model=str(toy_bundle), n_best=3, threads=1)
    assert found.text == "保存新的文件"
    assert len({found.text, *found.alternatives}) == 3
    with pytest.raises(TaskError, match="n_best"):
        penjing.translate_text("Save", model=str(toy_bundle), n_best=0)


def run(*arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, list(arguments), input=stdin)
    return found.exit_code, found.stdout, found.stderr


def test_the_command_translates_texts_and_stdin(toy_bundle: Path) -> None:
    assert run("translate", str(toy_bundle), "Save the new file %s")[1] == "保存新的文件 %s\n"
    code, out, _ = run("translate", str(toy_bundle), "--input", "-", stdin="Open the old table\n\nSave the red font\n")
    assert (code, out) == (0, "打开旧的表格\n\n保存红色字体\n")
    row = json.loads(run("translate", str(toy_bundle), "Save the new file", "--json", "--n-best", "2")[1])
    assert row["text"] == "保存新的文件"
    assert len(row["alternatives"]) == 1


def test_the_command_translates_a_catalogue(toy_bundle: Path, tmp_path: Path) -> None:
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    catalogue.append(polib.POEntry(msgid="_Save the new file %s\n", flags=["c-format"]))
    catalogue.append(polib.POEntry(msgid="Open the old table", msgstr="开表"))
    catalogue.append(polib.POEntry(msgid="Copy the red font %s", msgid_plural="Copy the red font %s"))
    catalogue.save(str(tmp_path / "a.po"))
    code, _, _ = run(
        "translate", str(toy_bundle), "--input", str(tmp_path / "a.po"), "--output", str(tmp_path / "b.po")
    )
    found = {entry.msgid: entry for entry in polib.pofile(str(tmp_path / "b.po"))}
    assert code == 0
    assert found["_Save the new file %s\n"].msgstr == "保存新的文件 %s(_S)\n"
    assert found["Open the old table"].msgstr == "开表"
    assert found["Copy the red font %s"].msgstr_plural == {0: "复制红色字体 %s"}


def test_verify_by_command(toy_bundle: Path) -> None:
    code, out, _ = run("verify", str(toy_bundle), "--threads", "1")
    assert code == 0
    assert "translations the same" in out


def test_the_manifest_says_what_it_is(toy_bundle: Path) -> None:
    manifest = read_manifest(toy_bundle)
    assert (manifest.kind, manifest.engine) == ("translate", "ctranslate2")
    assert manifest.quality["test"].metric == "bleu"


def test_a_wider_search_is_no_worse_than_a_greedy_one(toy_bundle: Path) -> None:
    texts = [source for source, _ in pairs()[::7]]
    expected = [target for _, target in pairs()[::7]]
    right = {}
    for beam in (1, 4):
        found = penjing.translate_texts(texts, model=str(toy_bundle), beam=beam, threads=1)
        right[beam] = sum(one.text == other for one, other in zip(found, expected, strict=True))
    assert right[4] >= 0.85 * right[1] > 0


def test_a_translator_leaves_torch_its_threads(toy_bundle: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with open_translator(str(toy_bundle), threads=2) as opened:
            opened.segments(["Save the new file"], Search())
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
