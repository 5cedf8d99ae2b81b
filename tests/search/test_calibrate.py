"""Terms that are fitted to what models took, and what a plan makes of them."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from penjing.catalog.facts import find_device, read_prices
from penjing.cli.main import app
from penjing.errors import ModelError
from penjing.measure.compute import this_device
from penjing.measure.decode_terms import keep_terms, kept_terms
from penjing.measure.machine import kept_file
from penjing.records import DecodeTerms
from penjing.search.calibrate import Timed, calibrate, fitted
from penjing.select.need import Need
from penjing.select.plan import make_plan
from tests.shrink.small_model_gguf import write_small_model

SIZES = [("a", 30, 90e6), ("a", 10, 50e6), ("b", 30, 140e6), ("b", 10, 65e6), ("c", 18, 280e6)]


@given(st.floats(1e9, 1e12), st.floats(1e-6, 1e-3))
def test_models_that_obey_a_law_give_it_back(bytes_per_s: float, layer_s: float) -> None:
    timed = [
        Timed(name=f"{family} {layers}", family=family, layers=layers, read_bytes=size,
              token_s=size / bytes_per_s + layers * layer_s)
        for family, layers, size in SIZES
    ]  # fmt: skip
    found = fitted(timed, threads=2)
    assert found.terms.bytes_per_s == pytest.approx(bytes_per_s, rel=1e-3)
    assert found.terms.layer_s == pytest.approx(layer_s, rel=1e-3)
    assert found.terms.error is not None
    assert found.terms.error < 1e-3


def test_an_error_is_what_other_families_did_not_foresee() -> None:
    timed = [Timed(name=name, family=name[0], layers=layers, read_bytes=1e6, token_s=layers * 1e-4)
             for name, layers in (("a1", 10), ("a2", 20), ("b1", 10), ("b2", 30))]  # fmt: skip
    slow = Timed(name="c", family="c", layers=10, read_bytes=1e6, token_s=2e-3)
    by_name = {one.name: one.error for one in fitted([*timed, slow], threads=1).models}
    assert by_name["c"] == pytest.approx(-0.5, abs=0.01)
    assert all(math.isfinite(error) for error in by_name.values())


def test_one_family_alone_has_no_error_to_tell_of() -> None:
    timed = [Timed(name=str(layers), family="a", layers=layers, read_bytes=layers * 1e6 + 1e7, token_s=layers * 1e-4)
             for layers in (1, 2)]  # fmt: skip
    found = fitted(timed, threads=1)
    assert all(math.isnan(one.error) for one in found.models)
    assert found.terms.error is None


def test_a_model_is_timed_whole_and_cut_in_its_own_bits_and_others(tmp_path: Path) -> None:
    path = write_small_model(tmp_path / "small.gguf", blocks=3, context=256)
    found = calibrate({"small": path}, threads=1, rounds=1)
    assert [(one.name, one.layers) for one in found.models] == [
        ("small", 3), ("small, 1 of 3 blocks", 1), ("small in Q4_0", 3), ("small in Q4_0, 1 of 3 blocks", 1),
    ]  # fmt: skip
    whole, cut, rounded, _ = found.models
    assert whole.read_bytes > rounded.read_bytes > cut.read_bytes
    assert all(0 < one.token_s < 1 for one in found.models)
    assert found.terms.bytes_per_s > 0


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\xff" * 64)
    with pytest.raises(ModelError):
        calibrate({"bad": tmp_path / "bad.gguf"}, threads=1)


def test_terms_are_kept_for_this_machine(tmp_path: Path) -> None:
    assert kept_terms(tmp_path) is None
    terms = DecodeTerms(bytes_per_s=3e10, layer_s=1e-4, error=0.2, threads=2)
    path = keep_terms(tmp_path / "new", terms)
    assert kept_terms(tmp_path / "new") == terms
    path.write_text("{", encoding="utf-8")
    assert kept_terms(tmp_path / "new") is None


def test_a_plan_for_a_calibrated_machine_says_so() -> None:
    plain = find_device("cpu-4")
    told = plain.model_copy(update={"decode": DecodeTerms(bytes_per_s=1e9, layer_s=1e-3, error=0.2, threads=2)})
    found = {}
    for device in (plain, told):
        need = Need(kind="generate", languages=("en",), serve_on=device, train_on=plain)
        found[device] = make_plan(need, read_prices()).candidates[0].time["piece"]
    assert (found[plain].basis, found[told].basis) == ("assumed", "calibrated")
    assert found[told].value > found[plain].value
    assert found[told].high == pytest.approx(1.2 * found[told].value)


def test_the_command_keeps_what_it_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = write_small_model(tmp_path / "small.gguf", blocks=3, context=256)
    found = CliRunner().invoke(app, ["calibrate", f"gguf:{path}", "--threads", "1"])
    assert found.exit_code == 0, found.output
    assert "a token = bytes / " in found.output
    assert "float32" in found.output
    assert "int8" in found.output
    here = this_device(tmp_path / "penjing")
    assert here.decode is not None
    assert (here.bfloat16 or 0) > 0
    assert (here.int8 or 0) > 0
    assert kept_file(tmp_path / "penjing", "decode").is_file()
