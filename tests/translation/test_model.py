import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.engines.translate import Search
from penjing.errors import EngineError
from penjing.translation import segments as cutting
from penjing.translation.model import Candidate, Translator, Wish
from penjing.translation.segments import by_line, joined, whole
from penjing.translation.terms import Glossary
from tests.translation.fake import PAIR, Fake, shouted, translated


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


def test_line_ends_around_an_entry_are_not_the_models_business() -> None:
    fake = Fake()
    assert translated(["\n\nSave %s\n"], fake, lines=False) == ["\n\nSAVE %s\n"]
    assert [text for text, _ in fake.asked] == ["Save ｟0｠"]


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
    assert model.translate(["Save %s"], Wish(PAIR))[0].problem == "repeated %s"
    found = model.translate(["Save me"], Wish(PAIR, glossary=Glossary({"me": "我"})))[0]
    assert found.problem == "repeated 我"


def test_chinese_beside_an_address_is_no_damage() -> None:
    model = Translator("fake", Fake(lambda text, search: [Candidate("参见｟0｠了解更多", -0.1)]))
    found = model.translate(["See https://example.org/a for more"], Wish(PAIR))[0]
    assert (found.text, found.problem) == ("参见https://example.org/a了解更多", None)


def test_a_tag_is_never_cut_nor_translated() -> None:
    tag = '<a href="index.html" title="hello my dear friends">'
    text = f"Go and see {tag}what\nis</a> new. Then <b\n>stop</b>."
    found = Translator("fake", Fake(longest=20)).translate([text], Wish(PAIR))[0]
    assert (tag in found.text, "<b\n>" in found.text, found.problem) == (True, True, None)


def test_many_placeholders_are_masked_sentence_by_sentence() -> None:
    text = "Put %s and %d here. " * 30
    found = Translator("fake", Fake(longest=60)).translate([text], Wish(PAIR))[0]
    assert (found.text.count("%s"), found.text.count("%d"), found.problem) == (30, 30, None)


def test_alternatives_are_sound_and_different() -> None:
    def answer(text: str, search: Search) -> list[Candidate]:
        good, other = Candidate("好 ｟0｠", -0.3), Candidate("佳 ｟0｠", -0.5)
        return (
            [Candidate("丢", -0.1), Candidate("失", -0.2)] if search.beam < 6 else [Candidate("丢", -0.1), good, other]
        )

    found = Translator("fake", Fake(answer)).translate(["Good %s"], Wish(PAIR, n_best=3))[0]
    assert (found.text, found.alternatives, found.problem) == ("好 %s", ("佳 %s",), None)


def test_white_space_takes_no_time_to_cut() -> None:
    text = "a" + " " * 200_000 + "b" + "\n" * 100_000
    assert translated([text], Fake())[0] == "AB" + "\n" * 100_000


@pytest.mark.parametrize("in_flight", [1, 2])
def test_batches_in_flight_keep_their_order_and_their_errors(in_flight: int) -> None:
    texts = [f"word {number}" for number in range(1000)]
    fake = Fake(in_flight=in_flight)
    assert translated(texts, fake) == [text.upper() for text in texts]
    assert len(fake.asked) == 1000

    def fails(text: str, search: Search) -> list[Candidate]:
        if text == "word 7":
            raise EngineError("the engine died")
        return shouted(text, search)

    with pytest.raises(EngineError, match="died"):
        translated(texts, Fake(fails, in_flight=in_flight))


@pytest.mark.parametrize("in_flight", [1, 2])
def test_an_interrupted_call_ends(in_flight: int) -> None:
    model = Translator("fake", Fake(in_flight=in_flight))

    def answer(text: str, search: Search) -> list[Candidate]:
        model.interrupt()
        return [Candidate(text, -1.0)]

    model._engine.answer = answer
    with pytest.raises(EngineError, match="interrupted"):
        model.translate([f"word {number}" for number in range(900)], Wish(PAIR))
    assert model.translate(["word"], Wish(PAIR))[0].text == "word"


def test_a_translation_without_end_is_tried_again_without_repeats() -> None:
    def answer(text: str, search: Search) -> list[Candidate]:
        return [Candidate("好", -0.1)] if search.no_repeat else [Candidate("好好好好", -0.1, ended=False)]

    assert translated(["Good"], Fake(answer)) == ["好"]


def test_the_longest_term_wins_and_only_whole_words_count() -> None:
    glossary = Glossary({"pull request": "合并请求", "pull": "拉", "0": "零", "文件": "档案"})
    texts = ["a Pull Request, pulled", "%s is 0 or 10", "我的文件夹里"]
    assert translated(texts, Fake(), glossary=glossary) == ["A 合并请求, PULLED", "%s IS 零 OR 10", "我的档案夹里"]


def test_a_large_glossary_is_quick() -> None:
    glossary = Glossary({f"term {number}": f"词{number}" for number in range(200_000)})
    assert translated(["see term 77777 " * 50], Fake(), glossary=glossary)[0].count("词77777") == 50


def test_the_memory_comes_first() -> None:
    fake = Fake()
    assert translated([" Save \n", "Save it"], fake, memory={"Save": "存"}) == [" 存 \n", "SAVE IT"]
    assert [text for text, _ in fake.asked] == ["Save it"]


@given(st.text(max_size=60))
def test_any_text_is_translated_to_something_that_can_be_written(text: str) -> None:
    translated([text], Fake())[0].encode()


def test_half_a_character_and_control_characters_go() -> None:
    assert translated(["a\ud83db", "a\x1b[31mb"], Fake()) == ["A\ufffdB", "A\ufffd[31MB"]
