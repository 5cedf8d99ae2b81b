import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu import corpus_bleu, corpus_chrf

from penjing.languages import language
from penjing.measure.scored import judge_scored, scored_quality
from penjing.measure.translation import score_translations, signature
from penjing.spec import Bar

TEXTS = st.text(alphabet="保存文件，。 the file X1", min_size=1, max_size=24)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6), st.sampled_from([("zh", "zh"), ("en", "13a")]))
def test_values_are_those_of_sacrebleu(pairs: list[tuple[str, str]], target: tuple[str, str]) -> None:
    found, expected = [one for one, _ in pairs], [other for _, other in pairs]
    code, split = target
    bleu = score_translations("bleu", found, expected, target=language(code))
    chrf = score_translations("chrf", found, expected, target=language(code))
    assert 100 * bleu.value == pytest.approx(corpus_bleu(found, [expected], tokenize=split).score)
    assert 100 * chrf.value == pytest.approx(corpus_chrf(found, [expected]).score)


def test_a_resample_of_all_is_the_value() -> None:
    found = score_translations("bleu", ["保存这个文件吧"] * 3, ["保存这个文件"] * 3, target=language("zh"))
    assert found.resampled(np.ones((1, 3)))[0] == pytest.approx(found.value)


def test_a_drop_is_judged_paired() -> None:
    expected = [f"打开第 {i} 个文件然后保存" for i in range(200)]
    worse = [text[:-1] for text in expected]
    target = language("zh")
    teacher, student = (score_translations("bleu", texts, expected, target=target) for texts in (expected, worse))
    bar = Bar(metric="bleu", drop_at_most=0.01)
    assert judge_scored(bar, teacher, teacher, split="dev", seed=1).word == "met"
    assert judge_scored(bar, student, teacher, split="dev", seed=1).word == "not met"
    quality = scored_quality(student, split="dev", seed=1)
    assert quality.ci.low <= quality.value <= quality.ci.high


def test_the_signature_says_how_texts_are_split() -> None:
    assert "tok:zh" in signature("bleu", language("zh"))
    assert "tok:13a" in signature("bleu", language("de"))
