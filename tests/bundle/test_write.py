import errno
import hashlib
import os
import shutil

import pytest

from penjing.bundle.read import load, read_manifest
from penjing.bundle.write import write_bundle
from penjing.errors import BundleError, StorageError
from tests.small import manifest, token_bundle


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.onnx"
    path.write_bytes(b"model")
    return path


def test_the_manifest_holds_the_hash_and_size_of_every_file(tmp_path, source):
    write_bundle(tmp_path / "bundle", manifest(), {"model.onnx": source})
    found = read_manifest(tmp_path / "bundle")
    assert set(found.files) == {"model.onnx"}
    assert found.files["model.onnx"].size_bytes == 5
    assert found.files["model.onnx"].sha256 == hashlib.sha256(b"model").hexdigest()


def test_what_was_written_opens(tmp_path):
    assert load(token_bundle(tmp_path)).predict(["good"])[0].label == "good"


def test_a_bundle_that_was_there_is_replaced_whole(tmp_path, source):
    write_bundle(tmp_path / "bundle", manifest(), {"model.onnx": source, "extra.json": source})
    write_bundle(tmp_path / "bundle", manifest(name="second"), {"model.onnx": source})
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == {"model.onnx", "manifest.json"}
    assert read_manifest(tmp_path / "bundle").name == "second"


def test_nothing_else_is_left_beside_it(tmp_path, source):
    for _ in range(2):
        write_bundle(tmp_path / "bundle", manifest(), {"model.onnx": source})
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "source.onnx"}


def test_what_a_killed_writer_left_is_no_hindrance(tmp_path, source):
    for name in (".bundle.partial", ".bundle.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half.onnx").write_bytes(b"half")
    write_bundle(tmp_path / "bundle", manifest(), {"model.onnx": source})
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == {"model.onnx", "manifest.json"}


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "cannot write"), (errno.EROFS, "cannot write")],
)
def test_a_disk_that_refuses_leaves_the_old_bundle(tmp_path, source, monkeypatch, number, said):
    write_bundle(tmp_path / "bundle", manifest(name="first"), {"model.onnx": source})

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(shutil, "copyfile", refuse)
    with pytest.raises(StorageError, match=said):
        write_bundle(tmp_path / "bundle", manifest(name="second"), {"model.onnx": source})
    assert read_manifest(tmp_path / "bundle").name == "first"
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "source.onnx"}


def test_a_rename_that_fails_leaves_the_old_bundle(tmp_path, source, monkeypatch):
    write_bundle(tmp_path / "bundle", manifest(name="first"), {"model.onnx": source})
    rename = type(source).rename

    def refuse(path, target):
        if path.name == ".bundle.partial":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, target)

    monkeypatch.setattr(type(source), "rename", refuse)
    with pytest.raises(StorageError):
        write_bundle(tmp_path / "bundle", manifest(name="second"), {"model.onnx": source})
    assert read_manifest(tmp_path / "bundle").name == "first"


def test_a_writer_killed_between_the_renames_loses_nothing(tmp_path, source, monkeypatch):
    write_bundle(tmp_path / "bundle", manifest(name="first"), {"model.onnx": source})
    (tmp_path / "bundle").rename(tmp_path / ".bundle.old")

    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", refuse)
    with pytest.raises(StorageError):
        write_bundle(tmp_path / "bundle", manifest(name="second"), {"model.onnx": source})
    assert read_manifest(tmp_path / "bundle").name == "first"


def test_a_folder_of_other_files_is_not_replaced(tmp_path, source):
    folder = tmp_path / "mine"
    (folder / "stages").mkdir(parents=True)
    with pytest.raises(BundleError, match="would be lost"):
        write_bundle(folder, manifest(), {"model.onnx": source})
    assert (folder / "stages").exists()


def test_an_empty_folder_becomes_the_bundle(tmp_path, source):
    (tmp_path / "new").mkdir()
    write_bundle(tmp_path / "new", manifest(), {"model.onnx": source})
    assert (tmp_path / "new" / "manifest.json").is_file()
