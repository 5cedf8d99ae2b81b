"""penjing verify: the same answers here as where the bundle was made?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def verify(
    bundle: Annotated[Path, typer.Argument(help="A bundle's folder.", show_default=False)],
    engine: Annotated[str | None, typer.Option(help="Another engine than the bundle's own: openvino.")] = None,
    threads: Annotated[int, typer.Option(min=1, max=256)] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
) -> None:
    """Check a bundle's files, its golden answers on this machine, and that batching changes no answer.

    Int8 that is right on one instruction set can saturate on another: run this where the bundle will run.
    Exit code: 0 all is the same, 3 an answer differs, 2 a file is missing or changed.

    Examples:

      penjing verify runs/reviews/bundle

      penjing verify runs/reviews/bundle --engine openvino --json
    """
    import json
    from dataclasses import asdict

    from penjing.bundle.read import read_manifest
    from penjing.bundle.verify import verify as check

    kind = read_manifest(bundle).kind
    if kind == "generate":
        raise typer.Exit(_verify_text(bundle, engine=engine, threads=threads, as_json=as_json))
    if kind == "translate":
        raise typer.Exit(_verify_translations(bundle, threads=threads, as_json=as_json))
    found = check(bundle, engine=engine, threads=threads)
    if as_json:
        typer.echo(json.dumps({"ok": found.ok, **asdict(found)}))
    else:
        golden = found.golden
        typer.echo("files             every SHA-256 as in the manifest")
        typer.echo(
            f"golden answers    {golden.n - golden.labels_changed} of {golden.n} labels the same, largest difference "
            f"of a logit {golden.largest_difference:.2g} (tolerance {found.tolerance:.2g})"
        )
        typer.echo(f"instruction set   made on {found.made_on}, here {found.here}, engine {found.engine}")
        typer.echo(f"batch 1, 8, 32    {found.batch_labels_changed} labels differ")
        typer.secho("same answers" if found.ok else "ANSWERS DIFFER", fg="green" if found.ok else "red")
    raise typer.Exit(0 if found.ok else 3)


def _verify_text(bundle: Path, *, engine: str | None, threads: int, as_json: bool) -> int:
    """Compare what a bundle that writes answers here; return the exit code."""
    import json
    from dataclasses import asdict

    from penjing.generation.golden import verify_text

    found = verify_text(bundle, engine=engine, threads=threads)
    if as_json:
        typer.echo(json.dumps({"ok": found.ok, **asdict(found)}))
    else:
        typer.echo("files             every SHA-256 as in the manifest")
        typer.echo(
            f"golden answers    {found.same} of {found.n} the same to the end, {found.share_same:.0%} of characters "
            f"before a first difference (at least {1 - found.tolerance:.0%} must)"
        )
        typer.echo(f"instruction set   made on {found.made_on}, here {found.here}, engine {found.engine}")
        typer.secho("same answers" if found.ok else "ANSWERS DIFFER", fg="green" if found.ok else "red")
    return 0 if found.ok else 3


def _verify_translations(bundle: Path, *, threads: int, as_json: bool) -> int:
    """Compare what a bundle that translates answers here; return the exit code."""
    import json
    from dataclasses import asdict

    from penjing.translation.golden import verify_translations

    found = verify_translations(bundle, threads=threads)
    if as_json:
        typer.echo(json.dumps({"ok": found.ok, **asdict(found)}))
    else:
        typer.echo("files             every SHA-256 as in the manifest")
        typer.echo(
            f"golden answers    {found.same} of {found.n} translations the same, {found.alone} the same alone as in a "
            f"batch (at least {1 - found.tolerance:.0%} must)"
        )
        typer.echo(f"instruction set   made on {found.made_on}, here {found.here}, engine {found.engine}")
        typer.secho("same answers" if found.ok else "ANSWERS DIFFER", fg="green" if found.ok else "red")
    return 0 if found.ok else 3
