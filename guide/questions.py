"""The question bank as pages: the questions that bring people here have a page each, the others one by topic."""

from __future__ import annotations

from collections.abc import Iterator

from penjing.learn.bank import Language, Question, topic_name

FIRST = 6
"""So many questions come first, with a page each."""
_WORDS = {
    "title": ("Questions", "问题"),
    "intro": (
        "What people ask who bring a model into a product, and what an interviewer in this field asks. Every answer "
        "ends in a command; what it prints was printed when this page was built. `penjing learn ask` asks them in the "
        "terminal, the page at `/learn` of `penjing serve` in a browser.",
        "把模型做进产品的人会问的问题，以及这个领域的面试官会问的问题。每个回答都以一条命令结束，下面的输出是构建本页时真实运行得到的。"
        "`penjing learn ask` 在终端里提问，`penjing serve` 的 `/learn` 页面在浏览器里提问。",
    ),
    "points": ("What a good answer says", "好的回答应包含"),
    "source": ("Source", "来源"),
    "basic": ("basic", "基础"),
    "medium": ("medium", "进阶"),
    "level": ("Level", "难度"),
    "first": ("The six that come first", "最先的六个"),
}  # fmt: skip


def question_pages(bank: tuple[Question, ...], language: Language) -> dict[str, str]:
    """Return the text of each page by its path in the site."""
    pages = {"questions/index.md": _index(bank, language)}
    for question in bank[:FIRST]:
        pages[f"questions/{question.id}.md"] = "\n".join(_question(question, language, mark="#"))
    for topic in dict.fromkeys(question.topic for question in bank[FIRST:]):
        lines = [f"# {topic_name(topic, language)}", ""]
        for question in bank[FIRST:]:
            if question.topic == topic:
                lines += _question(question, language, mark="##")
        pages[f"questions/{topic}.md"] = "\n".join(lines)
    return pages


def question_menu(bank: tuple[Question, ...], language: Language) -> list[dict[str, str]]:
    """Return the entries of the site's menu."""
    first = [{_short(question, language): f"questions/{question.id}.md"} for question in bank[:FIRST]]
    topics = dict.fromkeys(question.topic for question in bank[FIRST:])
    return [
        {_say("title", language): "questions/index.md"},
        *first,
        *({topic_name(topic, language): f"questions/{topic}.md"} for topic in topics),
    ]


def _index(bank: tuple[Question, ...], language: Language) -> str:
    lines = [f"# {_say('title', language)}", "", _say("intro", language), "", f"## {_say('first', language)}", ""]
    lines += [f"{n}. [{one.say(language).ask}]({one.id}.md)" for n, one in enumerate(bank[:FIRST], start=1)]
    for topic in dict.fromkeys(question.topic for question in bank[FIRST:]):
        lines += ["", f"## {topic_name(topic, language)}", ""]
        lines += [
            f"- [{one.say(language).ask}]({topic}.md#{one.id}) ({_say(one.level, language)})"
            for one in bank[FIRST:]
            if one.topic == topic
        ]
    return "\n".join([*lines, ""])


def _question(question: Question, language: Language, *, mark: str) -> Iterator[str]:
    said = question.say(language)
    yield f"{mark} {said.ask} {{#{question.id}}}"
    yield ""
    yield f"{_say('level', language)}: {_say(question.level, language)}"
    yield ""
    yield said.answer.strip()
    yield ""
    yield f"**{_say('points', language)}**"
    yield ""
    yield from (f"- {point.say(language)}" for point in question.points)
    yield ""
    yield f"{_say('source', language)}: [{question.source}]({question.url})"
    yield ""
    looks = question.command.startswith(("penjing check ", "penjing learn check "))
    yield f"```sh run lines=30 exit={3 if looks else 0}"  # 3: there is something to see
    yield question.command
    yield "```"
    yield ""


def _short(question: Question, language: Language) -> str:
    ask = question.say(language).ask
    return ask if len(ask) <= 48 else f"{ask[:46].rstrip()} …"


def _say(word: str, language: Language) -> str:
    return _WORDS[word][language == "zh"]
