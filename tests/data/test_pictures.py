"""Where pictures come from, and how they are split: no repeat in two splits, nothing lost in silence."""

import csv
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from penjing.data.labelled_files import PICTURES, list_pictures
from penjing.data.pictures import frame_for, listing_key, read_splits
from penjing.errors import DataError
from penjing.pictures.frame import Frame
from penjing.spec import DataSpec
from tests.pictures.drawn import drawn, stored

FRAME = Frame(size=8)


def _read(spec):
    return read_splits(list_pictures(spec), spec, FRAME, medium=PICTURES, progress=lambda done, total: None)


def _folder(folder, *, per_label=50):
    for number in range(2 * per_label):
        label = ("red", "blue")[number % 2]
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / f"{number}.png").write_bytes(stored(drawn(seed=number)))
    return folder


def test_a_folder_a_label_with_everything_in_it_listed(tmp_path):
    folder = _folder(tmp_path / "data")
    (folder / "red" / "notes.txt").write_text("no picture", encoding="utf-8")
    (folder / "red" / ".DS_Store").write_text("hidden", encoding="utf-8")
    (folder / "blue" / "cut.png").write_bytes(stored(drawn(size=(300, 300)))[:200])
    found = _read(DataSpec(source=str(folder)))
    assert {one.name for one in found.unreadable} == {"red/notes.txt", "blue/cut.png"}
    assert all(one.why for one in found.unreadable)
    assert found.splits.labels == ("blue", "red")
    sizes = {part: len(getattr(found.splits, part)) for part in ("train", "dev", "test")}
    assert sum(sizes.values()) == 100
    assert sizes["dev"] == 10
    assert found.pixels["train"].shape == (sizes["train"], 8, 8, 3)
    assert any("cannot be read" in note for note in found.splits.notes)


def test_the_splits_do_not_depend_on_the_order_and_share_no_picture(tmp_path):
    spec = DataSpec(source=str(_folder(tmp_path / "data")))
    parts = list_pictures(spec)
    first = read_splits(parts, spec, FRAME, medium=PICTURES, progress=lambda done, total: None)
    turned = {part: found[::-1] for part, found in parts.items()}
    again = read_splits(turned, spec, FRAME, medium=PICTURES, progress=lambda done, total: None)
    for part in ("train", "dev", "test"):
        assert getattr(first.splits, part) == getattr(again.splits, part)
        assert np.array_equal(first.pixels[part], again.pixels[part])
    texts = [{example.text for example in getattr(first.splits, part)} for part in ("train", "dev", "test")]
    assert not texts[0] & (texts[1] | texts[2])
    assert not texts[1] & texts[2]


def test_repeats_and_leaks_are_dropped_and_counted(tmp_path):
    train, test = _folder(tmp_path / "train", per_label=80), tmp_path / "test"
    for label in ("red", "blue"):
        (test / label).mkdir(parents=True)
        for path in sorted((train / label).iterdir())[:10]:
            (test / label / path.name).write_bytes(path.read_bytes())
    (train / "red" / "again.png").write_bytes((train / "red" / "2.png").read_bytes())
    (train / "red" / "other.png").write_bytes((train / "blue" / "3.png").read_bytes())
    found = _read(DataSpec(train=str(train), test=str(test)))
    notes = " ".join(found.splits.notes)
    assert "1 repeats of the same picture" in notes
    assert "1 pictures with contradictory labels" in notes
    assert "pictures of held-out splits dropped" in notes
    held_out = {example.text for example in found.splits.test}
    assert len(held_out) >= 19
    assert not held_out & {example.text for example in found.splits.train + found.splits.dev}


def test_tables_name_files_beside_them_and_parquet_holds_bytes(tmp_path):
    folder = _folder(tmp_path / "data")
    rows = [(f"{path.parent.name}/{path.name}", path.parent.name) for path in sorted(folder.rglob("*.png"))]
    with (folder / "list.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "label"), *rows])
    contents = [(folder / name).read_bytes() for name, _ in rows]
    labels = [label for _, label in rows]
    pq.write_table(pa.table({"picture": contents, "label": labels}), tmp_path / "plain.parquet")
    structs = [{"bytes": content, "path": "x.png"} for content in contents]
    pq.write_table(pa.table({"image": structs, "label": labels}), tmp_path / "hub.parquet")
    expected = _read(DataSpec(source=str(folder / "list.csv")))
    for spec in (
        DataSpec(source=str(tmp_path / "plain.parquet"), image="picture"),
        DataSpec(source=str(tmp_path / "hub.parquet")),
    ):
        assert _read(spec).splits.train == expected.splits.train


def test_a_file_that_is_missing_is_listed_and_an_empty_cell_refused(tmp_path):
    folder = _folder(tmp_path / "data")
    rows = [(f"{path.parent.name}/{path.name}", path.parent.name) for path in sorted(folder.rglob("*.png"))]
    table = folder / "list.csv"
    table.write_text("image,label\n" + "".join(f"{a},{b}\n" for a, b in [*rows, ("gone.png", "red")]), encoding="utf-8")
    assert [one.name for one in _read(DataSpec(source=str(table))).unreadable] == ["gone.png"]
    table.write_text("image,label\n,red\n", encoding="utf-8")
    with pytest.raises(DataError, match="a row has no picture"):
        list_pictures(DataSpec(source=str(table)))
    table.write_text("picture,label\nx.png,red\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column 'image'"):
        list_pictures(DataSpec(source=str(table)))


@pytest.mark.parametrize(
    ("source", "what"),
    [("package:nothing", "package:digits"), ("hf:org/pictures", "Parquet"), ("", "holds no folders")],
)
def test_other_sources_are_refused(tmp_path, source, what):
    with pytest.raises(DataError, match=what):
        list_pictures(DataSpec(source=source or str(tmp_path)))


def test_pictures_that_mostly_cannot_be_read_stop_the_run(tmp_path):
    folder = _folder(tmp_path / "data", per_label=10)
    for path in sorted(folder.rglob("*.png"))[:15]:
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"most pictures cannot be read: .train: 15 of 20"):
        _read(DataSpec(source=str(folder)))


def test_few_pictures_of_many_labels_are_shared_out(tmp_path):
    for label in range(20):
        (tmp_path / f"{label:02}").mkdir()
        for number in range(6):
            (tmp_path / f"{label:02}" / f"{number}.png").write_bytes(stored(drawn(seed=100 * label + number)))
    splits = _read(DataSpec(source=str(tmp_path))).splits
    assert [len(splits.train), len(splits.dev), len(splits.test)] == [96, 12, 12]


def test_splits_and_empty_folders_are_no_labels(tmp_path):
    for part in ("train", "test"):
        _folder(tmp_path / part, per_label=4)
    with pytest.raises(DataError, match="splits, not labels"):
        list_pictures(DataSpec(source=str(tmp_path)))
    (tmp_path / "train" / "green").mkdir()
    with pytest.raises(DataError, match=r"a label's folder is empty: .*green"):
        list_pictures(DataSpec(source=str(tmp_path / "train")))


def test_a_name_that_is_no_text_is_shown_all_the_same(tmp_path):
    folder = _folder(tmp_path / "data")
    name = os.fsdecode("\u7ea2".encode("gb18030") + b".png")
    (folder / "red" / name).write_bytes(stored(drawn(seed=999)))
    names = [one.name for one in list_pictures(DataSpec(source=str(folder)))["train"]]
    assert any("\ufffd" in found for found in names)
    json.dumps(names, ensure_ascii=False).encode()


def test_the_digits_of_a_package_are_grey_and_small():
    spec = DataSpec(source="package:digits")
    parts = list_pictures(spec)
    assert len(parts["train"]) == 1797
    assert frame_for(parts["train"], seed=1) == Frame(size=8, channels=1)
    changed = {"train": parts["train"][:-1]}
    assert listing_key(parts) != listing_key(changed)


def test_colour_and_size_say_what_the_frame_is(tmp_path):
    parts = list_pictures(DataSpec(source=str(_folder(tmp_path / "data"))))
    assert frame_for(parts["train"], seed=1) == Frame(size=32, channels=3)
