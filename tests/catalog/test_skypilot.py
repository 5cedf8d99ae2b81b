"""SkyPilot's catalog, as it lies on a machine where SkyPilot was used."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from penjing.catalog.facts import read_prices
from penjing.catalog.skypilot import sky_prices
from penjing.cli.main import app
from penjing.errors import TaskError

HEADER = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone"
ROWS = {
    "v8/aws/vms.csv": ["g6.xlarge,L4,1.0,4.0,16.0,,0.80,0.3,us-east-1,a", "g6.48xlarge,L4,8.0,192.0,768.0,,8.00,,us,b",
                       "m6i.xlarge,,,4.0,16.0,,0.19,,us-east-1,a", "p5,H100,8,192,2048,,,12.0,us,a"],
    "v8/lambda/vms.csv": ["gpu_1x_l4,L4,1,8,32,,0.50,,us,", "x,Gaudi,8,1,1,,1.0,,us,", "y,L4,1,1,1,,nan,,us,"],
    "v7/aws/vms.csv": ["old,L4,1,4,16,,0.01,,us,"],
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, rows in ROWS.items():
        path = tmp_path / ".sky" / "catalogs" / name
        path.parent.mkdir(parents=True)
        path.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


@pytest.mark.usefixtures("home")
def test_the_newest_catalog_gives_the_hour_of_one_device() -> None:
    found = sky_prices()
    assert set(found) == {"l4", "cpu-4"}
    assert found["l4"].rent == (0.5, 1.0)
    assert found["cpu-4"].rent == (0.19, 0.19)
    assert "v8" in found["l4"].source
    assert "aws, lambda" in found["l4"].source


@pytest.mark.usefixtures("home")
def test_its_prices_stand_over_ours_and_what_it_lacks_stays() -> None:
    ours, found = read_prices(), read_prices(Path("sky"))
    assert found.devices["l4"].rent == (0.5, 1.0)
    assert found.devices["rtx4090"] == ours.devices["rtx4090"]
    assert found.apis == ours.apis


@pytest.mark.usefixtures("home")
def test_a_plan_reckons_with_it() -> None:
    command = ["plan", "--task", "generate", "--languages", "en", "--device", "l4", "--prices", "sky", "--top", "1"]
    assert CliRunner().invoke(app, command).exit_code == 0


def test_without_a_catalog_the_way_to_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="sky show-gpus"):
        sky_prices(tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"a,b\n1,2\n", b"Price,AcceleratorName\n-1,L4\n1e999,L4\n"])
def test_a_broken_catalog_is_an_error_of_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "v8" / "aws.csv"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(TaskError):
        sky_prices(tmp_path)
