import base64
import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest

from penjing import report
from penjing.report import RunReport, render
from penjing.report.words import load_words
from tests.report.reading import Page
from tests.report.sample import banking, missed, review_flips, reviews

HOSTILE = "</script></style><img src=x onerror=alert(1)>'\"&{x}\x00\ud800\u202e<!--"
RUNS = {"reviews": reviews(), "banking": banking(), "medium": banking(20), "missed": missed()}


@pytest.fixture(params=sorted(RUNS))
def run(request: pytest.FixtureRequest) -> RunReport:
    return RUNS[request.param]


def test_pages_are_well_formed_and_small(run: RunReport) -> None:
    html = render(run)
    page = Page(html)
    assert len(html.encode()) < 1_000_000
    assert html.startswith("<!doctype html>")
    assert [name for name, n in Counter(page.ids()).items() if n > 1] == []


def test_every_link_and_reference_ends_inside_the_page(run: RunReport) -> None:
    page = Page(render(run))
    ids = set(page.ids())
    for href in page.attributes("href"):
        assert href.startswith("#")
        assert href[1:] in ids or href == "#main"
    assert {name for names in page.attributes("aria-labelledby") for name in names.split()} <= ids
    assert page.attributes("src") == []


def test_no_address_of_anything_outside(run: RunReport) -> None:
    assert re.findall(r"(?:https?:)?//[a-z]|url\(|@import|xlink", render(run), flags=re.IGNORECASE) == []


def test_the_policy_allows_exactly_the_style_and_the_script_of_the_page() -> None:
    html = render(reviews())
    policy = next(a["content"] for _, a in Page(html).elements if a.get("http-equiv") == "Content-Security-Policy")
    for tag in ("style", "script"):
        content = html.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in str(policy)
    assert str(policy).startswith("default-src 'none'")
    assert Page(html).attributes("style") == []
    assert not [name for _, attrs in Page(html).elements for name in attrs if name.startswith("on")]


def test_every_trial_is_in_the_table_and_the_losers_are_in_the_chart(run: RunReport) -> None:
    page = Page(render(run))
    text = page.all_text()
    assert [f"trial-{n}" in page.ids() for n in range(1, 10)] == [True] * 9
    for trial in run.trials:
        assert trial.name in text
    assert page.attributes("href").count("#trial-8") == 2
    assert "the exported file differs from the model by 3.1 logits" in text


def test_hostile_texts_are_shown_and_never_obeyed() -> None:
    base = reviews()
    trials = tuple(
        t.model_copy(update={"name": t.name + HOSTILE, "notes": (HOSTILE,), "over_budget": (HOSTILE,)})
        for t in base.trials
    )
    flip = base.flips[0].model_copy(update={"text": HOSTILE, "truth": HOSTILE, "teacher_label": HOSTILE})
    data = base.data.model_copy(update={"source": HOSTILE, "notes": (HOSTILE,)})
    commands = base.commands.model_copy(update={"predict": HOSTILE})
    machine = base.measurement.machine.model_copy(update={"cpu": HOSTILE, "isa": HOSTILE})
    measurement = base.measurement.model_copy(update={"machine": machine, "versions": {HOSTILE: HOSTILE}})
    hostile = reviews(
        name=HOSTILE,
        task={HOSTILE: [HOSTILE]},
        trials=trials,
        chosen="l3-f1/2" + HOSTILE,
        teacher="teacher" + HOSTILE,
        test={},
        reason=HOSTILE,
        labels=(HOSTILE, "b"),
        per_class=tuple(c.model_copy(update={"label": HOSTILE}) for c in base.per_class),
        flips=(flip,),
        data=data,
        commands=commands,
        measurement=measurement,
        ledger=tuple(r.model_copy(update={"step": HOSTILE, "values": {HOSTILE: HOSTILE}}) for r in base.ledger),
        stages=tuple(s.model_copy(update={"name": HOSTILE}) for s in base.stages),
        created=HOSTILE,
        penjing=HOSTILE,
    )
    html = render(hostile)
    page = Page(html)
    html.encode("utf-8")
    assert "\x00" not in html
    assert html.count("</script") == html.count("</style") == 1
    assert "img" not in {tag for tag, _ in page.elements}
    assert page.all_text().count("<img src=x onerror=alert(1)>") > 30


def test_both_languages_are_complete() -> None:
    for key, (en, zh) in load_words().entries.items():
        assert en, key
        assert zh, key
        blanks = [sorted(re.findall(r"\{\w+\}", text)) for text in (en, zh)]
        assert blanks[0] == blanks[1], key


def test_every_sentence_is_used() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(report.__file__).parent.glob("*.py"))
    for key in load_words().entries:
        group = key.rpartition(".")[0]
        assert f'"{key}"' in sources or f'"{group}.{{' in sources, key


def test_both_languages_are_in_the_page() -> None:
    text = Page(render(reviews())).all_text()
    for heading in ("All trials", "全部候选", "How it was measured", "如何测量"):
        assert heading in text


def test_without_scripts_the_page_is_english_and_can_still_switch() -> None:
    page = Page(render(reviews()))
    radios = {a["id"]: "checked" in a for tag, a in page.elements if tag == "input"}
    assert radios["language-en"]
    assert not radios["language-zh"]
    assert page.elements[0] == ("html", {"lang": "en"})
    assert ":has(#language-zh:checked) .en" in render(reviews())


def test_flips_beyond_twenty_are_folded_and_beyond_the_limit_counted() -> None:
    page = Page(
        render(reviews(flips=review_flips(900), flip_counts={"broken": 500, "fixed": 400, "both_wrong": 0, "n": 9000}))
    )
    text = page.all_text()
    assert "Showing 20 of 500" in text
    assert "180 more examples" in text
    assert "300 more are not listed" in text


def test_many_labels_become_a_list_of_confusions() -> None:
    assert "matrix" in " ".join(Page(render(banking(20))).attributes("class")).split()
    page = Page(render(banking(21)))
    assert "matrix" not in " ".join(page.attributes("class")).split()
    assert "commonest confusions" in page.all_text()


def test_charts_have_names_and_descriptions_and_tables_have_captions(run: RunReport) -> None:
    tags = Counter(tag for tag, _ in Page(render(run)).elements)
    charts = [a for tag, a in Page(render(run)).elements if tag == "svg" and a.get("aria-hidden") != "true"]
    assert tags["desc"] == len(charts) >= 2
    assert tags["caption"] == tags["table"] == tags["thead"]
