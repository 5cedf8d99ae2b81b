"""penjing translate: texts and files from one language into another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def translate(
    model: Annotated[str, typer.Argument(help="A bundle, hf:org/name, a folder, or openai:NAME.", show_default=False)],
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to translate.", show_default=False)] = None,
    *,
    input_: Annotated[
        str | None,
        typer.Option("--input", "-i", help="A .po, .pot, .html, .txt, .md, .csv, .tsv or .jsonl file; - is stdin."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of stdout.")] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="The language they are in. [default: the bundle's]")
    ] = None,
    target: Annotated[str | None, typer.Option("--to", help="The language to translate into: zh, zh-CN, …")] = None,
    column: Annotated[str, typer.Option(help="Of .csv, .tsv and .jsonl: the column to translate.")] = "text",
    glossary: Annotated[
        Path | None, typer.Option(help="Terms with their translations: .csv, .tsv, .jsonl or .po.", show_default=False)
    ] = None,
    memory: Annotated[
        Path | None, typer.Option(help="Texts translated before, used again: the same kinds.", show_default=False)
    ] = None,
    beam: Annotated[int | None, typer.Option(min=1, max=16, help="Translations pursued at once.")] = None,
    n_best: Annotated[int, typer.Option(min=1, max=16, help="With --json: so many translations of each.")] = 1,
    threads: Annotated[int, typer.Option(min=1, max=256)] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a text, with score and problems.")] = False,
) -> None:
    """Translate texts, files or stdin; files keep their form: tags, placeholders, line ends, columns.

    What did not survive a translation is told on stderr; in a catalogue the entry becomes fuzzy, with the reason.
    A bundle knows its languages; other models are told by --from and --to.

    Examples:

      penjing translate runs/localise/bundle "Save the file %s?"

      penjing translate runs/localise/bundle --input messages.po --output zh_CN.po --glossary terms.csv

      cat manual.txt | penjing translate openai:gpt-5-mini --from en --to zh > manual.zh.txt
    """
    import json
    import sys
    from dataclasses import asdict

    from penjing.cli.console import counter
    from penjing.cli.texts import check_source, read_texts
    from penjing.cli.write import open_output
    from penjing.errors import TaskError
    from penjing.languages import language
    from penjing.translation.api import make_wish
    from penjing.translation.documents import FORMED, Work, translate_document
    from penjing.translation.references import open_translator
    from penjing.translation.terms import read_terms

    check_source(texts, input_)
    if n_best > 1 and not as_json:
        raise TaskError("--n-best shows nothing without --json", next_step="Add --json")
    if as_json and Path(input_ or "-").suffix.lower() in FORMED:
        raise TaskError(
            "--json is for texts and tables", value=str(input_), next_step="Leave it out: the file keeps its form"
        )
    known = {name: {} if path is None else read_terms(path) for name, path in (("g", glossary), ("m", memory))}
    pair = tuple(None if code is None else language(code) for code in (source, target))
    with open_translator(model, source=pair[0], target=pair[1], threads=threads) as opened:
        wish = make_wish(opened, *pair, n_best=n_best, beam=beam, glossary=known["g"], memory=known["m"])
        with open_output(output) as file, counter(wanted=bool(input_ and output)) as tell:
            work = Work(opened, wish, column=column, progress=tell)
            if input_ and input_ != "-" and not as_json:
                outcome = translate_document(Path(input_), file, work)
                problems = outcome.problems
            else:
                problems = []
                wanted = read_texts(texts, input_, column=column, usage='penjing translate MODEL "some text"')
                found = work.stream(wanted) if texts is None else iter(work.translate(list(texts)))
                for one in found:
                    file.write((json.dumps(asdict(one), ensure_ascii=False) if as_json else one.text) + "\n")
                    problems += [] if one.problem is None else [(one.source, one.problem)]
    for text, problem in problems[:20]:
        typer.echo(f"note: {problem}, in {text[:60]!r}", err=True)
    if len(problems) > 20:
        typer.echo(f"note: {len(problems):,} texts in all lost something", err=True)
    sys.stdout.flush()
