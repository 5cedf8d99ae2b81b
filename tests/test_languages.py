import pytest

from penjing import make_task
from penjing.errors import TaskError
from penjing.languages import check_pair, language


@pytest.mark.parametrize(
    ("text", "code"),
    [("en", "en"), ("EN_us", "en"), ("zh", "zh-Hans"), ("zh-CN", "zh-Hans"), ("zh_TW", "zh-Hant"), ("zh-HK", "zh-Hant"),
     ("zh-Hant", "zh-Hant"), ("Chinese", "zh-Hans"), ("简体中文", "zh-Hans"), ("eng", "en"), ("pt_BR.UTF-8", "pt"),
     ("de_AT@euro", "de"), ("cmn", "zh-Hans"), ("yue", "yue")],
)  # fmt: skip
def test_codes_and_names(text: str, code: str) -> None:
    assert language(text).code == code


def test_a_task_in_no_language_is_refused_when_it_is_read() -> None:
    with pytest.raises(TaskError, match="unknown language"):
        make_task(
            name="t", kind="translate", model="new", source_lang="en", target_lang="klingon", data={"source": "a"}
        )


@pytest.mark.parametrize("text", ["", "klingon language", "e", "../en", "12"])
def test_what_is_no_language_is_refused(text: str) -> None:
    with pytest.raises(TaskError, match="unknown language"):
        language(text)


def test_an_unknown_pair_names_those_there_are() -> None:
    english, chinese = language("en"), language("zh")
    with pytest.raises(TaskError, match=r"zh-Hans to en.*en to zh-Hans"):
        check_pair((chinese, english), [(english, chinese)], model="bundle")


def test_chinese_sentences_are_joined_without_a_space() -> None:
    assert (language("zh").joint, language("de").joint) == ("", " ")
