"""Energy is read where there is a counter, and said not to be where there is none."""

import sys

import pytest

from penjing.measure import latency
from penjing.measure.energy import energy_meter
from penjing.measure.latency import measure_systems


def _zone(root, number, name="package-0", energy=0, most=1_000):
    zone = root / f"intel-rapl:{number}"
    zone.mkdir(parents=True)
    for file, value in (("name", name), ("energy_uj", energy), ("max_energy_range_uj", most)):
        (zone / file).write_text(f"{value}\n", encoding="ascii")
    return zone


def test_packages_are_added_and_a_counter_that_began_anew_goes_on(tmp_path):
    first, second = (
        _zone(tmp_path, 0, energy=100, most=2_000_000),
        _zone(tmp_path, 1, "package-1", 1_900_000, 2_000_000),
    )
    _zone(tmp_path, "0:0", "core", 5)
    meter = energy_meter(tmp_path)
    before = meter.read()
    assert before == (100, 1_900_000)
    (first / "energy_uj").write_text("500100", encoding="ascii")
    (second / "energy_uj").write_text("400000", encoding="ascii")
    assert meter.joules_since(before) == pytest.approx(0.5 + 0.5)


def test_no_counter_or_one_that_may_not_be_read_is_none(tmp_path):
    assert energy_meter(tmp_path / "none") is None
    (_zone(tmp_path, 0) / "energy_uj").write_text("", encoding="ascii")
    assert energy_meter(tmp_path) is None


SYSTEM = """
import sys
from penjing.measure.worker import serve
import numpy as np
class Fast:
    def encode(self, texts): return texts
    def run(self, batch): return np.zeros((len(batch), 2), np.float32)
serve(Fast())
"""


@pytest.mark.parametrize("there", [True, False])
def test_measuring_says_what_an_answer_takes(tmp_path, monkeypatch, there):
    class Meter:
        def __init__(self):
            self.turns = 0

        def read(self):
            return (0,)

        def joules_since(self, before):
            return 3.0

    monkeypatch.setattr(latency, "energy_meter", lambda: Meter() if there else None)
    found = measure_systems({"fast": [sys.executable, "-c", SYSTEM]}, ["x"], threads=1, rounds=2, block=6)["fast"]
    assert found.failed is None
    assert found.energy_j == (pytest.approx(3.0 / 6) if there else None)
