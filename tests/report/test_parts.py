from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from penjing.errors import StorageError
from penjing.report import Flip, RunReport, render, write_report
from penjing.report.facts import bar_value, frontier
from penjing.report.labels import Anchor, Box, place
from penjing.report.markup import el, escape
from penjing.report.scale import cost_scale, quality_scale
from penjing.spec import Bar
from tests.report.reading import Page
from tests.report.sample import reviews

AREA = Box(0, 0, 400, 300)
positive = st.floats(1e-6, 1e12)


@given(st.text(st.characters()))
def test_any_text_is_safe_in_content_and_in_attributes(text: str) -> None:
    page = Page(el("p", text, title=text))
    assert [tag for tag, _ in page.elements] == ["p"]
    escape(text).encode("utf-8")


@given(st.lists(positive, min_size=1, max_size=12))
def test_scales_keep_values_inside_and_ticks_few(values: list[float]) -> None:
    scale = cost_scale(values, start=0, stop=100)
    assert all(-1e-6 <= scale(value) <= 100 + 1e-6 for value in values)
    assert scale.kind == ("log" if max(values) > 10 * min(values) else "linear")
    assert len(scale.ticks()) <= 20


@given(st.lists(st.floats(0, 1), min_size=1))
def test_quality_ticks_lie_inside(values: list[float]) -> None:
    scale = quality_scale(values, start=300, stop=0)
    assert all(scale.low - 1e-9 <= tick <= scale.high + 1e-9 for tick in scale.ticks())
    assert 1 <= len(scale.ticks()) <= 8


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(0, 300)), max_size=25))
def test_labels_that_can_be_left_out_never_overlap(points: list[tuple[float, float]]) -> None:
    anchors = [Anchor(x, y, f"trial-{n}", needed=False) for n, (x, y) in enumerate(points)]
    marks = [Box(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    placed = place(anchors, area=AREA, hard=marks, soft=[])
    for n, label in enumerate(placed):
        assert AREA.holds(label.box)
        assert not any(label.box.meets(other.box) for other in placed[:n])
        assert not any(label.box.meets(mark) for mark in marks)


def test_a_needed_label_is_placed_even_where_nothing_is_free() -> None:
    full = [AREA]
    anchor = Anchor(200, 150, "chosen", needed=True)
    assert [label.anchor for label in place([anchor], area=AREA, hard=full, soft=[])] == [anchor]


@given(st.lists(st.tuples(positive, st.floats(0, 1))))
def test_the_frontier_rises_and_nothing_beats_it(points: list[tuple[float, float]]) -> None:
    best = frontier(points)
    assert best == sorted(best)
    assert [q for _, q in best] == sorted({q for _, q in best})
    assert all(any(c <= cost and q >= quality for c, q in best) for cost, quality in points)


def test_the_bar_is_the_higher_of_its_limits() -> None:
    assert bar_value(reviews(bar=Bar(at_least=0.9, drop_at_most=0.01))) == 0.9
    assert bar_value(reviews(bar=Bar(at_least=0.1, drop_at_most=0.01))) == pytest.approx(0.85)


def test_a_flip_knows_its_direction() -> None:
    def direction(truth: str) -> str:
        flip = Flip(text="", truth=truth, teacher_label="a", choice_label="b", teacher_score=1, choice_score=1)
        return flip.direction

    assert [direction(truth) for truth in "abc"] == ["broken", "fixed", "both wrong"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"chosen": "nobody"},
        {"teacher": "nobody"},
        {"labels": ("a", "b", "c")},
        {"trials": (reviews().trials[1],) * 2},
    ],
)
def test_a_report_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        reviews(**wrong)


def test_a_report_survives_json() -> None:
    run = reviews()
    assert RunReport.model_validate_json(run.model_dump_json()) == run


def test_a_report_is_written_whole_over_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    write_report(path, reviews())
    assert path.read_text(encoding="utf-8") == render(reviews())
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_is_missing_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*report\.html"):
        write_report(tmp_path / "missing" / "report.html", reviews())


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.mkdir()
    with pytest.raises(StorageError):
        write_report(path, reviews())
    assert list(tmp_path.iterdir()) == [path]
