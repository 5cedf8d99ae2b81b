from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from penjing.errors import StorageError
from penjing.train.cached_folder import cached_folder, is_intact


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def make(folder: Path) -> None:
        calls.append(folder)
        (folder / "file").write_text("content", encoding="utf-8")

    target = tmp_path / "cache" / "model"
    assert cached_folder(target, make) == cached_folder(target, make) == target
    assert len(calls) == 1
    assert (target / "file").read_text(encoding="utf-8") == "content"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("damage", ["changed", "missing", "no checksums", "bad checksums", "empty"])
def test_a_damaged_folder_is_made_again(tmp_path: Path, damage: str) -> None:
    def make(folder: Path) -> None:
        (folder / "file").write_text("content", encoding="utf-8")

    target = cached_folder(tmp_path / "model", make)
    if damage == "changed":
        (target / "file").write_text("c0ntent", encoding="utf-8")
    elif damage == "missing":
        (target / "file").unlink()
    elif damage == "no checksums":
        (target / "checksums.json").unlink()
    else:
        (target / "checksums.json").write_text("{" if damage == "bad checksums" else "{}", encoding="utf-8")
    assert not is_intact(target)
    cached_folder(target, make)
    assert is_intact(target)
    assert (target / "file").read_text(encoding="utf-8") == "content"
    assert list(tmp_path.iterdir()) == [target]


def test_nothing_is_left_when_making_fails(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half", encoding="utf-8")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_folder(tmp_path / "model", fail)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match=r"cannot write .*model: 'No space left on device'.*Free some space"):
        cached_folder(tmp_path / "model", fill)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot write"):
        cached_folder(tmp_path / "file" / "model", lambda folder: None)


def test_a_process_that_was_first_wins(tmp_path: Path) -> None:
    target = tmp_path / "model"

    def make(folder: Path) -> None:
        (folder / "file").write_text("second", encoding="utf-8")

    def make_slowly(folder: Path) -> None:
        cached_folder(target, make)
        make(folder)

    cached_folder(target, make_slowly)
    assert is_intact(target)
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    old, recent = tmp_path / ".model-old", tmp_path / ".model-recent"
    for aside in (old, recent):
        (aside / "new").mkdir(parents=True)
    os.utime(old, (0, 0))
    cached_folder(tmp_path / "model", lambda folder: (folder / "file").touch())
    assert not old.exists()
    assert recent.exists()


def test_what_another_process_removed_first_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / ".model-gone"
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter([gone]))
    assert is_intact(cached_folder(tmp_path / "model", lambda folder: (folder / "file").touch()))
