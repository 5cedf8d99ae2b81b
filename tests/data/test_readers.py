import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penjing.data.readers import iter_rows, iter_texts
from penjing.errors import DataError

ROWS = [{"text": "很好, 喜欢", "label": "1"}, {"text": 'said "no"', "label": "0"}]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_every_kind_gives_the_same_rows(kind, tmp_path):
    path = tmp_path / f"data.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif kind == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    elif kind == "tsv":
        lines = ["text\tlabel", *("\t".join(row.values()) for row in ROWS)]
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["text", "label"], *(row.values() for row in ROWS)])
    assert list(iter_rows(path)) == ROWS


def test_columns_name_a_file_without_a_header(tmp_path):
    path = tmp_path / "data.tsv"
    path.write_text("fine\t1\n", encoding="utf-8")
    assert list(iter_rows(path, columns=("text", "label"))) == [{"text": "fine", "label": "1"}]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\nfine,1\n", encoding="utf-8-sig")
    assert list(iter_texts(path, column="text")) == ["fine"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.csv", None, r"not found"),
        ("data.xlsx", b"PK", r"unknown kind.*\.csv"),
        ("empty.csv", b"", r"empty"),
        ("gb.csv", "text,label\n很好,1\n".encode("gb18030"), r"not UTF-8.*gb18030.*iconv"),
        ("german.csv", "text,label\nbeschädigt,1\n".encode("latin-1"), r"not UTF-8.*cp1252.*iconv"),
        ("wide.csv", "text,label\n很好,1\n".encode("utf-16"), r"not UTF-8.*utf-16.*iconv"),
        ("ragged.csv", b"text,label\na,b,c\n", r"3 fields, not 2.*line 2"),
        ("bad.jsonl", b"{]\n", r"not JSON.*line 1"),
        ("list.jsonl", b"[1]\n", r"not a JSON object"),
        ("bad.parquet", b"PAR1 but not really", r"not a Parquet file"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(name, content, message, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        list(iter_rows(path))
    assert "\n" not in str(raised.value)


def test_a_missing_column_names_those_found(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("texts,label\nfine,1\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"no column 'text'.*texts, label.*Did you mean 'texts'"):
        list(iter_texts(path, column="text"))


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "txt"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_give_rows_or_a_data_error(kind, content, tmp_path):
    path = tmp_path / f"data.{kind}"
    path.write_bytes(content)
    try:
        rows = list(iter_rows(path))
    except DataError:
        return
    assert all(isinstance(row, dict) for row in rows)
