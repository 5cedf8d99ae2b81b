from penjing.measure.size import folder_size


def test_every_file_counts_wherever_it_is(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x" * 100)
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "table").write_bytes(b"x" * 11)
    assert folder_size(tmp_path) == 111
