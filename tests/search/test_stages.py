import errno

import pytest

from penjing.errors import StorageError
from penjing.search.stages import Store, is_sound, stage_key


def writer(calls, text="made"):
    def make(folder, _):
        calls.append(1)
        (folder / "file.txt").write_text(text, encoding="utf-8")

    return make


def test_a_finished_stage_is_used_again(tmp_path):
    calls, store = [], Store(tmp_path)
    first = store.stage("a", {"x": 1}, writer(calls))
    again = store.stage("a", {"x": 1}, writer(calls))
    assert (first.reused, again.reused, len(calls)) == (False, True, 1)
    assert again.folder == first.folder


def test_other_inputs_are_another_stage(tmp_path):
    store = Store(tmp_path)
    folders = {store.stage("a", {"x": x}, writer([])).folder for x in (1, 2)}
    assert len(folders) == 2
    assert stage_key("a", {"x": 1, "y": 2}) == stage_key("a", {"y": 2, "x": 1})


@pytest.mark.parametrize("damage", [b"tampered", None])
def test_a_damaged_stage_is_made_anew(damage, tmp_path):
    calls, store = [], Store(tmp_path)
    stage = store.stage("a", {}, writer(calls))
    file = stage.folder / "file.txt"
    file.unlink() if damage is None else file.write_bytes(damage)
    again = store.stage("a", {}, writer(calls))
    assert not again.reused
    assert file.read_text(encoding="utf-8") == "made"
    assert len(calls) == 2


def test_a_stage_that_stopped_half_way_is_not_used(tmp_path):
    store = Store(tmp_path)

    def killed(folder, work):
        (folder / "file.txt").write_text("half", encoding="utf-8")
        (work / "checkpoint").write_text("kept", encoding="utf-8")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.stage("a", {}, killed)

    def resumed(folder, work):
        assert list(folder.iterdir()) == []
        (folder / "file.txt").write_text((work / "checkpoint").read_text(encoding="utf-8"), encoding="utf-8")

    stage = store.stage("a", {}, resumed)
    assert (stage.folder / "file.txt").read_text(encoding="utf-8") == "kept"
    assert [path.name for path in tmp_path.iterdir()] == [stage.folder.name]


def test_a_full_disk_is_said_and_nothing_is_left_half(tmp_path):
    store = Store(tmp_path)

    def full(folder, _):
        (folder / "file.txt").write_text("half", encoding="utf-8")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match=r"disk is full.*Free some space"):
        store.stage("a", {}, full)
    assert not store.stage("a", {}, writer([])).reused


def test_a_seal_that_is_not_one_is_not_sound(tmp_path):
    (tmp_path / "stage.json").write_text("[]", encoding="utf-8")
    assert not is_sound(tmp_path)
