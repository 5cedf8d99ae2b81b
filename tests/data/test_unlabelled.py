import pytest

from penjing.data import read_unlabelled
from penjing.data.dataset import Example, Splits
from penjing.errors import DataError

SPLITS = Splits(
    train=(Example("a film that I have seen", ("good",)),),
    dev=(Example("the waiter was slow and the soup was cold that evening", ("bad",)),),
    test=(Example("a long book about ships and the men who built them in winter", ("good",)),),
    labels=("bad", "good"),
)


def written(folder, *texts):
    path = folder / "more.txt"
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def test_what_is_known_or_held_out_is_left_out(tmp_path):
    texts = [
        "quite another text",
        "quite another text",
        "a film that I have seen",
        "The waiter was slow and the soup was cold that evening!",
        "a long book about ships and the men who built them in winter",
        "第一次来，味道不错",
    ]
    found = read_unlabelled(written(tmp_path, *texts), column="text", splits=SPLITS)
    assert found == ("quite another text", "第一次来，味道不错")


def test_nothing_left_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no unlabelled text is left"):
        read_unlabelled(written(tmp_path, "a film that I have seen"), column="text", splits=SPLITS)


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "more.csv"
    path.write_text("review\nfine\n", encoding="utf-8")
    with pytest.raises(DataError, match="review"):
        read_unlabelled(path, column="text", splits=SPLITS)
