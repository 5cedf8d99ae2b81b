"""penjing transcribe: speech into text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from penjing.cli.labelled_files import Asked
    from penjing.measure.error_rate import Unit
    from penjing.transcription.model import Progress, Transcript


def transcribe(
    model: Annotated[
        str, typer.Argument(help="package:whisper-tiny.en, package:whisper-base, hf:org/name or a folder.")
    ],
    files: Annotated[
        list[str] | None, typer.Argument(help="Recordings, or folders of them.", show_default=False)
    ] = None,
    *,
    input_: Annotated[
        str | None, typer.Option("--input", "-i", help="A table (.csv, .tsv, .jsonl, .parquet) of recordings.")
    ] = None,
    column: Annotated[str, typer.Option(help="Of a table: the column that holds the recording.")] = "audio",
    reference: Annotated[
        str | None,
        typer.Option(help="Of a table: the column of what is said; error rates are shown.", show_default=False),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of stdout.")] = None,
    format_: Annotated[str, typer.Option("--format", help="text, json, srt or vtt.")] = "text",
    language: Annotated[
        str | None, typer.Option(help="Its code: en, zh, … [default: as heard]", show_default=False)
    ] = None,
    beam: Annotated[int, typer.Option(min=1, max=16, help="Transcripts pursued at once.")] = 1,
    precision: Annotated[str, typer.Option(help="float32, or int8: faster, and may hear a little worse.")] = "float32",
    threads: Annotated[int, typer.Option(min=1, max=256)] = 2,
    words_wrong: Annotated[
        float | None,
        typer.Option(min=0, help="With --reference: the bar, the highest word error rate.", show_default=False),
    ] = None,
    characters_wrong: Annotated[
        float | None,
        typer.Option(
            min=0, help="The same for characters: of languages without spaces between words.", show_default=False
        ),
    ] = None,
) -> None:
    """Write down what recordings say, with times where the format has them. Torch is not needed.

    wav, flac, mp3, ogg, opus and aiff of any rate, channels and length up to four hours. Of several recordings each
    becomes a line (text) or an object a line (json); subtitles are of one. A recording that cannot be read is named on
    stderr, and the exit code is 2. Exit code 3: a bar on error rates is not met, for all of the 95 % interval.

    Examples:

      penjing transcribe package:whisper-tiny.en meeting.mp3

      penjing transcribe package:whisper-base interview.wav --language zh --format srt --output interview.srt

      penjing transcribe package:whisper-base --input clips.csv --reference text --words-wrong 0.1
    """
    import numpy as np

    from penjing.cli.write import open_output
    from penjing.errors import DataError, TaskError
    from penjing.sounds.read import read_sound
    from penjing.transcription.model import Wish
    from penjing.transcription.references import open_transcriber
    from penjing.transcription.subtitles import FORMATS

    if format_ not in FORMATS:
        raise TaskError("unknown --format", value=format_, rule=", ".join(FORMATS))
    if reference is None and not (words_wrong is None and characters_wrong is None):
        raise TaskError("a bar on error rates needs what is said", next_step="Add --reference COLUMN")
    if precision not in ("float32", "int8"):
        raise TaskError("unknown --precision", value=precision, rule="float32 or int8")
    wanted, said = _wanted(files, input_, column=column, reference=reference)
    if format_ in {"srt", "vtt"} and len(wanted) > 1:
        raise TaskError(
            "subtitles are of one recording", value=f"{len(wanted):,} are given", next_step="Give one a call"
        )
    opened = open_transcriber(model, threads=threads, precision=precision)  # type: ignore[arg-type]
    failed = 0
    found: list[tuple[str, Transcript]] = []
    with open_output(output) as file:
        for number, (name, source) in enumerate(wanted):
            try:
                if isinstance(source, DataError):
                    raise source
                assert not isinstance(source, np.ndarray)
                samples = read_sound(source)
            except DataError as error:
                typer.echo(f"note: {name}: {error}", err=True)
                failed += 1
                continue
            with _bar(name) as progress:
                transcript = opened.transcribe(samples, Wish(language, beam), progress=progress)
            file.write(FORMATS[format_](transcript))
            file.flush()
            if reference is not None:
                found.append((said[number], transcript))
    held = not found or _show_rates(found, {"word": words_wrong, "character": characters_wrong})
    if failed:
        typer.echo(f"no transcript of {failed:,} of them", err=True)
        raise typer.Exit(DataError.exit_code)
    if not held:
        raise typer.Exit(3)


def _wanted(
    files: list[str] | None, source: str | None, *, column: str, reference: str | None
) -> tuple[list[Asked], list[str]]:
    """Return the recordings, and what each of them says where a table has that."""
    from penjing.cli.labelled_files import asked_files
    from penjing.data.labelled_files import SOUNDS
    from penjing.data.readers import iter_rows, missing_column
    from penjing.errors import TaskError

    said = []
    if reference is not None:
        if source is None or files:
            raise TaskError("--reference names a column of a table", next_step="Give --input TABLE, and no files")
        for row in iter_rows(Path(source)):
            if reference not in row:
                raise missing_column(reference, row.keys(), Path(source), option="--reference")
            said.append(str(row[reference] or ""))
    return list(asked_files(files, source, column=column, medium=SOUNDS)), said


def _show_rates(found: list[tuple[str, Transcript]], bars: Mapping[Unit, float | None]) -> bool:
    """Show the error rates, each with its verdict where it has a bar; return False where one is not met."""
    from penjing.errors import DataError
    from penjing.measure.error_rate import error_rate

    references, texts = [said for said, _ in found], [transcript.text for _, transcript in found]
    verdicts = []
    for unit, at_most in bars.items():
        try:
            rate = error_rate(references, texts, unit=unit)
        except ValueError as error:
            raise DataError("error rates cannot be counted", value=str(error)) from None
        typer.echo(
            f"{unit} error rate {rate.value:.4f} [{rate.low:.4f}, {rate.high:.4f}], "
            f"{rate.errors:,} errors in {rate.units:,} {unit}s of {rate.n:,} recordings",
            err=True,
        )
        if at_most is not None:
            verdicts.append(rate.verdict(at_most))
            typer.echo(f"the bar, at most {at_most:g}, is {verdicts[-1]}", err=True)
    return "not met" not in verdicts


@contextmanager
def _bar(name: str) -> Iterator[Progress]:
    """Give a function that shows on stderr, to people, how far a recording was heard."""
    import sys

    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("left"), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(Path(name).name)
        yield lambda done, total: bars.update(task, completed=done, total=total)
