from hypothesis import given
from hypothesis import strategies as st

from penjing.engines.translate import Search
from penjing.translation import segments as cutting
from penjing.translation.model import Candidate, Translator, Wish
from penjing.translation.segments import by_line, joined, whole
from penjing.translation.terms import Glossary
from tests.translation.fake import PAIR, Fake, translated


@given(st.text(alphabet="ab .!?\n。！ \t，”\r\u2028", max_size=80), st.integers(1, 20))
def test_segments_and_what_is_between_them_are_the_text(text: str, most: int) -> None:
    for cut in (by_line, whole):
        found, after = cut(text, fits=lambda part: len(part) <= most)
        assert "".join(one.before + one.text for one in found) + after == text
        assert all(one.text and one.text.strip() == one.text for one in found)


def test_what_has_neither_sentences_nor_spaces_is_cut_anywhere() -> None:
    found, after = whole("长" * 500, fits=lambda part: len(part) <= 160)
    assert [len(one.text) for one in found] == [cutting._CUT_CHARACTERS] * 3 + [20]
    assert joined(found, [one.text for one in found], after, joint="") == "长" * 500


def test_sentences_of_one_line_are_joined_as_the_language_has_it() -> None:
    found, after = by_line("One two. Three four.\nFive.", fits=lambda part: len(part) < 12)
    assert joined(found, ["一二。", "三四。", "五。"], after, joint="") == "一二。三四。\n五。"


def test_each_text_is_asked_once_and_long_ones_are_cut() -> None:
    fake = Fake(longest=12)
    assert translated(["Save it.", "Save it.", "One two. Three four."], fake) == [
        "SAVE IT.", "SAVE IT.", "ONE TWO.THREE FOUR.",
    ]  # fmt: skip
    assert [text for text, _ in fake.asked] == ["Three four.", "Save it.", "One two."]


def test_what_has_no_words_is_not_asked() -> None:
    fake = Fake()
    assert translated(["12.5 %", "%s", "🎉", "", " \n "], fake) == ["12.5 %", "%s", "🎉", "", " \n "]
    assert fake.asked == []


def test_a_lost_placeholder_is_looked_for_in_a_wider_search() -> None:
    def answer(text: str, search: Search) -> list[Candidate]:
        lost = Candidate("保存", -0.1)
        return [lost] if search.beam == 1 else [lost, Candidate("保存 ｟0｠", -0.3)]

    assert translated(["Save %s"], Fake(answer)) == ["保存 %s"]


def test_what_stays_lost_is_told() -> None:
    model = Translator("fake", Fake(lambda text, search: [Candidate("保存", -0.1)]))
    found = model.translate(["Save %s and {name}", "Save"], Wish(PAIR))
    assert [one.problem for one in found] == ["lost %s, {name}", None]


def test_a_sentinel_that_comes_twice_is_told() -> None:
    model = Translator("fake", Fake(lambda text, search: [Candidate("｟0｠｟0｠", -0.1)]))
    assert model.translate(["Save %s"], Wish(PAIR))[0].problem == "added %s"
    found = model.translate(["Save me"], Wish(PAIR, glossary=Glossary({"me": "我"})))[0]
    assert found.problem == "a term or symbol was lost or came twice"


def test_a_translation_without_end_is_tried_again_without_repeats() -> None:
    def answer(text: str, search: Search) -> list[Candidate]:
        return [Candidate("好", -0.1)] if search.no_repeat else [Candidate("好好好好", -0.1, ended=False)]

    assert translated(["Good"], Fake(answer)) == ["好"]


def test_the_longest_term_wins_and_only_whole_words_count() -> None:
    glossary = Glossary({"pull request": "合并请求", "pull": "拉"})
    assert translated(["a Pull Request, pulled"], Fake(), glossary=glossary) == ["A 合并请求, PULLED"]


def test_the_memory_comes_first() -> None:
    fake = Fake()
    assert translated([" Save \n", "Save it"], fake, memory={"Save": "存"}) == [" 存 \n", "SAVE IT"]
    assert [text for text, _ in fake.asked] == ["Save it"]


@given(st.text(max_size=60))
def test_any_text_is_translated_to_something_that_can_be_written(text: str) -> None:
    translated([text], Fake())[0].encode()


def test_half_a_character_and_control_characters_go() -> None:
    assert translated(["a\ud83db", "a\x1b[31mb"], Fake()) == ["A\ufffdB", "A\ufffd[31MB"]
