"""The page: every section in order, one file, no request to anywhere."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from penjing.report.confusion import confusion_section
from penjing.report.expected import expected_section
from penjing.report.flips import flips_section
from penjing.report.frontier import frontier_section
from penjing.report.headline import headline
from penjing.report.inputs import inputs_section
from penjing.report.ledger import ledger_section
from penjing.report.markup import Markup, data, el, join
from penjing.report.model import RunReport
from penjing.report.provenance import data_section, measured_section, rebuild_section
from penjing.report.trials import baseline_section, trials_section
from penjing.report.trust import trust_section
from penjing.report.words import Words, load_words, named


def render(run: RunReport) -> str:
    """Return the report of a run as one HTML document that works offline.

    It holds its own style and script, and a Content-Security-Policy that allows these two and nothing else.
    Every text of the run is escaped. English and Chinese are both in it; a switch, the browser's language
    and, without scripts, English decide which one shows.
    """
    say = load_words()
    style, script = _asset("report.css"), _asset("report.js")
    sections = _sections(run, say=say)
    body = el(
        "body",
        el("a", say("page.skip"), href="#main", class_="skip"),
        _switches(say=say),
        el(
            "main",
            headline(run, say=say),
            _contents(sections, say=say),
            _numbered(sections, say=say),
            id="main",
        ),
        el("footer", say("page.made", version=data(run.penjing), created=data(run.created))),
        el("script", Markup(script)),
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        named("title", say.pair("page.title", name=run.name)),
        el("style", Markup(style)),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


def _sections(run: RunReport, *, say: Words) -> list[tuple[str, Markup]]:
    found = [
        ("frontier", frontier_section(run, say=say)),
        ("trials", trials_section(run, say=say)),
        ("baseline", baseline_section(run, say=say)),
        ("inputs", inputs_section(run, say=say)),
        ("ledger", ledger_section(run, say=say)),
        ("confusion", confusion_section(run, say=say)),
        ("flips", flips_section(run, say=say)),
        ("trust", trust_section(run, say=say)),
        ("data", data_section(run, say=say)),
        ("measured", measured_section(run, say=say)),
        ("expected", expected_section(run, say=say)),
        ("commands", rebuild_section(run, say=say)),
    ]
    return [(key, body) for key, body in found if body is not None]


def _numbered(sections: list[tuple[str, Markup]], *, say: Words) -> Markup:
    return join([_section(number, key, body, say=say) for number, (key, body) in enumerate(sections, start=1)])


def _section(number: int, key: str, body: Markup, *, say: Words) -> Markup:
    heading = el("h2", el("span", str(number), class_="count"), " ", say(f"section.{key}"), id=f"{key}-heading")
    return el("section", heading, body, id=key, aria_labelledby=f"{key}-heading")


def _contents(sections: list[tuple[str, Markup]], *, say: Words) -> Markup:
    label = say.pair("page.contents")
    entries = [el("li", el("a", say(f"section.{key}"), href=f"#{key}")) for key, _ in sections]
    return el("nav", el("ol", entries), aria_label=label.en, data_zh_label=label.zh)


def _switches(*, say: Words) -> Markup:
    languages = [("en", "English"), ("zh", "中文")]
    themes: list[tuple[str, str]] = [(name, say(f"theme.{name}")) for name in ("auto", "light", "dark")]
    return el(
        "form",
        _switch("language", say("page.language"), languages),
        _switch("theme", say("page.theme"), themes),
        class_="switches",
        autocomplete="off",
    )


def _switch(name: str, legend: Markup, options: list[tuple[str, str]]) -> Markup:
    radios = [
        el(
            "label",
            el("input", type="radio", name=name, id=f"{name}-{value}", value=value, checked=not index),
            el("span", shown),
        )
        for index, (value, shown) in enumerate(options)
    ]
    return el("fieldset", el("legend", legend), radios)


def _asset(name: str) -> str:
    return files("penjing.report").joinpath("assets", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
