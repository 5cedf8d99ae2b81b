"""Windows of a passage score each piece of its text once, and nothing of its prompt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.data.passages import Passage
from penjing.errors import ModelError
from penjing.train.chat_template import ChatTemplate
from penjing.train.windows import cut_windows

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}</>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


class Numbered:
    """Reads a passage as as many pieces as its text says, numbered."""

    def read(self, passage):
        before = int(passage.prompt[0][1]) if passage.prompt else 1
        return -np.ones(before, np.int32), np.arange(int(passage.text), dtype=np.int32)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 90)), min_size=1, max_size=5), st.integers(8, 40))
def test_each_piece_is_scored_once(sizes, most):
    passages = [Passage((("user", str(before)),), str(count)) for before, count in sizes]
    windows = cut_windows(passages, Numbered(), most=most)
    seen = [[] for _ in passages]
    for row in range(len(windows)):
        ids = windows.tokens.ids[windows.tokens.starts[row] : windows.tokens.starts[row + 1]]
        assert 1 <= windows.scored_from[row] < len(ids) <= most
        seen[windows.passage[row]].extend(ids[windows.scored_from[row] :].tolist())
    assert seen == [list(range(count)) for _, count in sizes]


def test_a_template_tells_the_answer_from_the_question():
    template = ChatTemplate(TEMPLATE)
    assert template.before_answer([("user", "hi")]) == "<user>hi</><assistant>"
    assert template.answer([("user", "hi")], "ho") == "ho</>"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% for %}", "no Jinja"),
        ("{{ raise_exception('no system here') }}", "no system here"),
        ("{{ messages.__class__.__mro__ }}", "refuses"),
        ("{% if add_generation_prompt %}a{% else %}b{% endif %}", "otherwise than it asks"),
        ("x" * 70_000, "too long"),
    ],
)
def test_a_bad_template_is_named(source, said):
    with pytest.raises(ModelError, match=said):
        ChatTemplate(source).answer([("user", "hi")], "ho")
