"""Checks of the exercise on byte-pair encoding."""

WORDS = ["low"] * 5 + ["lower"] * 2 + ["newest"] * 6 + ["widest"] * 3


def check_first(learner):
    """the most frequent pair is merged first"""
    found = [tuple(pair) for pair in learner.learn_merges(WORDS, 1)]
    assert found == [("e", "s")], f"the first merge is {found}: e s is there 9 times, as often as s t, and comes first"


def check_repeated(learner):
    """merges go on with the pieces that are there then"""
    found = [tuple(pair) for pair in learner.learn_merges(WORDS, 4)]
    assert found == [("e", "s"), ("es", "t"), ("l", "o"), ("lo", "w")], f"the first four merges are {found}"


def check_end(learner):
    """there are no more merges than pairs"""
    found = learner.learn_merges(["ab"], 10)
    assert [tuple(pair) for pair in found] == [("a", "b")], f"one word of two letters has one merge, not {found}"


def check_cut(learner):
    """a word is cut by the merges, and nothing is lost"""
    merges = [("e", "s"), ("es", "t"), ("l", "o"), ("lo", "w")]
    for word, expected in {"lowest": ["low", "est"], "newest": ["n", "e", "w", "est"], "x": ["x"]}.items():
        found = list(learner.cut(word, merges))
        assert found == expected, f"{word} became {found}, not {expected}"


def check_order(learner):
    """merges are applied in their order, not from left to right"""
    found = list(learner.cut("abc", [("b", "c"), ("a", "b")]))
    assert found == ["a", "bc"], f"abc became {found}: b c was learned first"
