"""GGUF headers: what is read, and that no file of whatever bytes does more than raise ModelError."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.errors import ModelError
from penjing.gguf import read_header
from penjing.gguf.header import _Reader
from tests.gguf.small_gguf import small_gguf


def read(content):
    return _Reader(Path("x.gguf"), content).read()


@pytest.fixture
def file(tmp_path):
    def write(content):
        (tmp_path / "m.gguf").write_bytes(content)
        return tmp_path / "m.gguf"

    return write


def test_metadata_and_tensors_are_read(file):
    found = read_header(file(small_gguf(tensors=(("a", (4, 32), 8), ("b", (2, 32), 0)))))
    assert (found.version, found.architecture, found.context_length, found.chat_template) == (3, "llama", 128, None)
    assert [(t.name, t.shape, t.type_name, t.size_bytes) for t in found.tensors] == [
        ("a", (4, 32), "Q8_0", 136),
        ("b", (2, 32), "F32", 256),
    ]
    assert found.tensors[1].start - found.tensors[0].start == 160
    assert found.metadata["tokenizer.ggml.tokens"].count == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04zip", "not a GGUF file"),
        (b"", "cannot read the GGUF file"),
        (small_gguf(version=99), "unknown version of GGUF: 'version 99'"),
        (small_gguf(count=2**60), "it claims 1152921504606846976 tensors"),
        (small_gguf()[:40], "it ends too early|it claims"),
        (small_gguf(pad=8), "lies outside of the file.*truncated or damaged"),
    ],
)
def test_a_file_that_is_not_whole_is_one_clear_error(file, content, message):
    with pytest.raises(ModelError, match=message):
        read_header(file(content))


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(ModelError, match=r"no such file"):
        read_header(tmp_path / "none.gguf")


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content):
    with pytest.raises(ModelError):
        read(b"GGUF" + content)


@given(place=st.integers(0, len(small_gguf()) - 1), value=st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused(place, value):
    content = bytearray(small_gguf())
    content[place] = value
    try:
        found = read(bytes(content))
    except ModelError:
        return
    assert all(tensor.start + tensor.size_bytes <= len(content) for tensor in found.tensors)


@given(st.integers(0, len(small_gguf()) - 1))
def test_a_file_cut_anywhere_is_refused(length):
    with pytest.raises(ModelError):
        read(small_gguf()[:length])
