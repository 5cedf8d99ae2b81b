"""What is in deploy/ agrees with the program: metrics, options, and systemd's own opinion of the unit."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penjing.cli.main import app
from penjing.serve.metrics import Metrics

DEPLOY = Path(__file__).parent.parent / "deploy"


def test_the_dashboard_asks_for_figures_that_there_are():
    board = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    asked = {name for panel in board["panels"] for target in panel["targets"]
             for name in re.findall(r"penjing_\w+", target["expr"])}  # fmt: skip
    there = set()
    for family in Metrics().registry.collect():
        there |= {family.name, f"{family.name}_total", f"{family.name}_bucket"}
    assert asked <= there
    assert len(asked) >= 9


@pytest.mark.parametrize("name", ["Dockerfile", "penjing.service"])
def test_options_are_those_of_the_command(name):
    text = (DEPLOY / name).read_text(encoding="utf-8")
    command = next(line for line in text.splitlines() if line.startswith(('CMD ["/bundle', "ExecStart=")))
    help_text = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).stdout
    options = re.findall(r"--[a-z-]+", command)
    assert options
    assert all(option in help_text for option in options)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_is_sound(tmp_path):
    text = (DEPLOY / "penjing.service").read_text(encoding="utf-8")
    program = shutil.which("true")
    (tmp_path / "penjing.service").write_text(re.sub(r"ExecStart=\S+", f"ExecStart={program}", text), encoding="utf-8")
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / "penjing.service")],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "penjing.service" not in found.stderr, found.stderr
