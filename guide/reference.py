"""The reference, written from the code: the command line, Python, HTTP, the task file, and a bundle's manifest."""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from itertools import groupby, pairwise
from types import MappingProxyType
from typing import Any, cast

import typer
from pydantic import BaseModel
from typer.core import TyperGroup

import penjing
from penjing.bundle.manifest import Manifest
from penjing.cli.main import app
from penjing.serve.app import create_app
from penjing.serve.life import Life
from penjing.serve.metrics import Metrics
from penjing.serve.services import Services
from penjing.serve.settings import Limits
from penjing.spec import Task


def reference_pages() -> dict[str, str]:
    """Return the text of each page by its path in the site."""
    return {
        "reference/cli.md": command_line(),
        "reference/python.md": python(),
        "reference/http.md": http(),
        "reference/task-file.md": "\n".join(
            [
                "# Every value of a task file",
                "",
                "Explained with examples: [task file](../task-file.md).",
                "",
                *fields(Task),
            ]
        ),
        "reference/manifest.md": "\n".join(["# manifest.json of a bundle", "", *fields(Manifest)]),
    }


def command_line() -> str:
    """Return every command with its help, arguments and options."""
    lines = ["# Command line", ""]
    for name, command in sorted(_commands(typer.main.get_command(app), "penjing")):
        lines += [f"## {name}", "", *_help(command.help or ""), ""]
        rows = [_parameter(one) for one in command.params if not getattr(one, "hidden", False)]
        if rows:
            lines += ["| argument or option | default | meaning |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(command, TyperGroup):
        yield name, command
        return
    for part, inner in command.commands.items():
        yield from _commands(inner, f"{name} {part}")


def _help(text: str) -> Iterator[str]:
    """Yield help as Markdown: its examples are indented by two more spaces than the rest."""
    for example, paragraphs in groupby(text.strip().split("\n\n"), key=lambda one: one.startswith("  ")):
        if example:
            lines = (line.strip() for paragraph in paragraphs for line in paragraph.splitlines())
            yield from ["```text", *lines, "```", ""]
        else:
            for paragraph in paragraphs:
                yield from [_safe(" ".join(paragraph.split())), ""]


def _parameter(parameter: Any) -> str:
    names = ", ".join(f"`{one}`" for one in [*parameter.opts, *parameter.secondary_opts] if one)
    if parameter.param_type_name == "argument":
        names = f"`{parameter.name.upper()}`"
    default = parameter.default
    plain = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    shown = f"`{default}`" if plain else "needed" if parameter.required else ""
    return f"| {names} | {shown} | {_safe(_line(getattr(parameter, 'help', '') or ''))} |"


def python() -> str:
    """Return a page that mkdocstrings fills in: everything that `penjing` names."""
    names = sorted(penjing.__all__, key=lambda name: (name[0].isupper(), name))
    lines = ["# Python", "", "Everything is imported from `penjing`: `from penjing import fit`.", ""]
    for name in names:
        lines += [f"## {name}", "", f"::: {_home(name)}.{name}", ""]
    return "\n".join(lines)


def _home(name: str) -> str:
    return str(getattr(penjing, name).__module__)


def http() -> str:
    """Return every route of the server, out of its OpenAPI description."""
    schema = _openapi()
    lines = [
        "# HTTP", "",
        "What `penjing serve` answers depends on its bundles; all routes are here. `/docs` of a running server is the "
        "same with forms, `/openapi.json` for programs. Errors have OpenAI's envelope: [serving](../serve.md).", "",
    ]  # fmt: skip
    for path, methods in sorted(schema["paths"].items()):
        for method, route in methods.items():
            lines += [f"## {method.upper()} {path}", "", *_help(route.get("description") or route.get("summary") or "")]
            lines += _parameters(route.get("parameters", ()))
            lines += _body(route.get("requestBody", {}), schema["components"]["schemas"])
    return "\n".join([*lines, ""])


def _openapi() -> Mapping[str, Any]:
    return create_app(Services(Life(), Metrics(), Limits())).openapi()


def _parameters(parameters: Any) -> list[str]:
    rows = [
        f"| `{one['name']}` ({one['in']}) | {_type(one['schema'])} | {_safe(one.get('description', ''))} |"
        for one in parameters
    ]
    return ["| parameter | type | meaning |", "|---|---|---|", *rows, ""] if rows else []


def _body(body: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for kind, content in body.get("content", {}).items():
        schema = content.get("schema", {})
        name = schema.get("$ref", "").rpartition("/")[2]
        table = _table(schemas.get(name, schema), names="field")
        lines += [f"Body, `{kind}`:", "", *table] if table else [f"Body: the bytes of `{kind}`.", ""]
    return lines


def fields(model: type[BaseModel]) -> list[str]:
    """Return a table of each part of what pydantic checks."""
    schema = model.model_json_schema()
    said = {found.__name__: attribute_docs(found) for found in _models(model)}
    lines = _table(schema, names="value", said=said.get(model.__name__, {}))
    for name, part in schema.get("$defs", {}).items():
        lines += [f"## {name}", "", *_help(part.get("description", ""))]
        lines += _table(part, names="value", said=said.get(name, {}))
    return lines


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield every class of the project that may be a part of `model`."""
    yield model
    for module in [found for name, found in sys.modules.items() if name.startswith("penjing.")]:
        for found in vars(module).values():
            if isinstance(found, type) and issubclass(found, BaseModel) and found.__module__ == module.__name__:
                yield found


def attribute_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return what the source says under each field of a model, and of the classes it comes from."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if not one.__module__.startswith("penjing."):
            continue
        body = cast(ast.ClassDef, ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]).body
        for field, after in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                text = after.value if isinstance(after, ast.Expr) else None
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    found[field.target.id] = text.value
    return found


def _table(schema: Mapping[str, Any], *, names: str, said: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    needed = schema.get("required", ())
    rows = [
        f"| `{name}` | {_type(one)} | {'needed' if name in needed else _default(one)} "
        f"| {_safe(_line(one.get('description') or said.get(name, '')))} |"
        for name, one in schema.get("properties", {}).items()
    ]
    return [f"| {names} | type | default | meaning |", "|---|---|---|---|", *rows, ""] if rows else []


def _type(schema: Mapping[str, Any]) -> str:
    """Return a type in words.

    >>> _type({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]})
    'list of string, or null'
    """
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return ", or ".join(dict.fromkeys(_type(one) for one in schema[several]))
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


def _default(schema: Mapping[str, Any]) -> str:
    if "default" not in schema or isinstance(schema["default"], dict):
        return ""
    return f"`{_safe(json.dumps(schema['default'], ensure_ascii=False))}`"


def _line(text: str) -> str:
    return " ".join(text.split())


def _safe(text: str) -> str:
    """Return text that a Markdown table can hold."""
    return text.replace("|", "\\|").replace("<", "&lt;")
