"""The command line: one file a command; what a command needs is imported when it runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from penjing._version import __version__
from penjing.cli.augment import augment
from penjing.cli.bench import bench
from penjing.cli.calibrate import calibrate
from penjing.cli.check import check
from penjing.cli.export import export
from penjing.cli.fit import fit
from penjing.cli.frontier import frontier
from penjing.cli.generate import generate
from penjing.cli.label import label
from penjing.cli.learn import learn
from penjing.cli.plan import plan
from penjing.cli.predict import predict
from penjing.cli.serve import serve
from penjing.cli.transcribe import transcribe
from penjing.cli.translate import translate
from penjing.cli.trim import trim
from penjing.cli.verify import verify
from penjing.errors import PenjingError

INTERRUPTED, OUR_BUG = 130, 1

app = typer.Typer(
    name="penjing",
    help="penjing (盆景): the smallest, fastest model that still meets the bar.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    plan, calibrate, check, augment, label, fit, frontier, predict, generate, translate, transcribe, serve, trim,
    export, bench, verify,
)  # fmt: skip
for command in COMMANDS:
    app.command()(command)
app.add_typer(learn, name="learn")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"penjing {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Read the options that come before the command."""


def main() -> None:
    """Run the command line; every error is one line, unless --debug was given."""
    debug = "--debug" in sys.argv[1:]
    try:
        app()
    except PenjingError as error:
        _end(f"error: {error}", error.exit_code, error if debug else None)
    except KeyboardInterrupt as error:
        _end("interrupted; run the same command to go on", INTERRUPTED, error if debug else None)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:  # the last resort: a bug of ours, said as one
        hint = "Please report it with the output of the same command after `penjing --debug`."
        _end(f"internal error: {type(error).__name__}: {error}. {hint}", OUR_BUG, error if debug else None)


def _end(line: str, code: int, error: BaseException | None) -> None:
    if error is not None:
        raise error
    typer.secho(line, err=True, fg=typer.colors.RED)
    sys.exit(code)
