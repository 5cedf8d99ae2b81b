"""What the catalog says is whole, agrees with itself, and with published counts to the unit."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.catalog.facts import catalog_devices, catalog_models, find_device, read_prices, source_of
from penjing.catalog.gguf_packages import gguf_packages
from penjing.catalog.packages import model_packages
from penjing.errors import TaskError
from penjing.estimate.formats import file_bytes
from penjing.estimate.tensors import read_model
from penjing.select.classify import shrunk_shape

MODELS = {model.name: model for model in catalog_models()}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_the_parameters_that_are_published(name: str) -> None:
    model = MODELS[name]
    found = read_model(model.config).parameters
    assert model.parameters in (None, found)
    assert found > 1_000_000
    for score in model.scores:
        assert 0 < score.value < 1
        assert source_of("models", score.source) != score.source
    if "classify" in model.kinds:
        assert read_model(model.config).parameters > shrunk_shape(model).parameters


def test_packages_that_models_name_are_known() -> None:
    known = {*model_packages(), *gguf_packages()}
    assert {model.package for model in MODELS.values() if model.package} <= known


@pytest.mark.parametrize(
    ("name", "format_", "measured"),
    [
        ("google/gemma-3-270m-it", "Q4_K_M", 253_113_024),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "Q4_1", 98_362_432),
    ],
)
def test_files_that_packages_ship_are_as_large_as_estimated(name: str, format_: str, measured: int) -> None:
    """The rest is the tokenizer, which is not weights."""
    assert 0.97 < file_bytes(read_model(MODELS[name].config), format_) / measured < 1.0


def test_devices_and_prices_agree() -> None:
    devices, prices = catalog_devices(), read_prices()
    assert prices.devices.keys() <= devices.keys()
    for device in devices.values():
        assert source_of("devices", device.source) != device.source
        assert device.int8 is None or device.bfloat16 is None or device.int8 >= device.bfloat16
        assert set(device.unchecked) <= {"float32", "bfloat16", "int8", "memory", "bandwidth", "watts"}
    for price in prices.devices.values():
        assert price.rent is None or 0 < price.rent[0] <= price.rent[1] < 100  # 700.0 stands for "no offer" elsewhere


def test_traps_of_other_tables() -> None:
    """An A10G is no A10, an A100's peak is its tensor cores', a TPU is a chip, an L4 is no L40S, bytes are no GiB."""
    assert find_device("a10g").bfloat16 == 70e12
    assert find_device("a100-80").bfloat16 == 312e12
    assert find_device("h100").bfloat16 == 989e12
    assert find_device("tpu-v5e").memory == 16e9
    assert find_device("l4").bandwidth == 300e9
    with pytest.raises(TaskError, match="no such device"):
        find_device("l40")


def test_prices_of_one_s_own_replace_ours(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('electricity = 0.08\n[devices.l4]\nrent = [0.1, 0.2]\nsource = "ours"\n', encoding="utf-8")
    found = read_prices(path)
    assert (found.electricity, found.devices["l4"].rent) == (0.08, (0.1, 0.2))
    assert found.devices["t4"] == read_prices().devices["t4"]


@given(text=st.text(max_size=80))
def test_what_is_no_file_of_prices_is_an_error_of_one_kind(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("prices") / "prices.toml"
    path.write_text(text, encoding="utf-8", errors="ignore", newline="")
    with suppress(TaskError):
        assert read_prices(path)


def test_a_price_of_another_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('[devices.l4]\nrent = "cheap"\n', encoding="utf-8")
    with pytest.raises(TaskError, match=r"holds no price.*devices\.l4"):
        read_prices(path)
    path.write_text("[devices.l4]\nrent = [2.0, 0.5]\n", encoding="utf-8")
    with pytest.raises(TaskError, match="holds no price"):
        read_prices(path)
    path.write_text("[apis.small]\nread = 0.0\n", encoding="utf-8")
    with pytest.raises(TaskError, match="holds no price"):
        read_prices(path)
    with pytest.raises(TaskError, match="cannot be read"):
        read_prices(tmp_path / "absent.toml")
