"""Checks of the exercise on writing."""

import numpy as np


def _counting(pieces):
    """Return logits of a model that counts up to 5, and then ends."""
    logits = np.zeros(7)
    logits[0 if pieces[-1] >= 5 else pieces[-1] + 1] = 4.0
    return logits


def check_greedy(learner):
    """at temperature 0 the best piece is taken, until the end"""
    found = list(learner.generate(_counting, [2]))
    assert found == [3, 4, 5], f"after [2] came {found}, not [3, 4, 5]: neither prompt nor end belong to the answer"


def check_most(learner):
    """no more pieces than allowed"""
    found = list(learner.generate(_counting, [1], max_tokens=2))
    assert found == [2, 3], f"max_tokens=2 gave {found}"


def check_prompt(learner):
    """the prompt stays as it is, and the model sees all of it"""
    prompt, seen = [9, 9, 3], []
    learner.generate(lambda pieces: seen.append(list(pieces)) or _counting(pieces), prompt)
    assert prompt == [9, 9, 3], "the list of the caller was changed: copy it"
    assert seen[:2] == [[9, 9, 3], [9, 9, 3, 4]], f"the model saw {seen[:2]}"


def check_temperature(learner):
    """with a temperature pieces are drawn, as often as they are likely"""
    logits = np.log(np.array([1e-9, 0.7, 0.3]))
    found = [
        learner.generate(lambda _: logits, [1], max_tokens=1, temperature=1.0, seed=seed)[0] for seed in range(300)
    ]
    share = found.count(1) / 300
    assert 0.6 < share < 0.8, f"a piece with probability 0.7 came in {share:.2f} of 300 draws"


def check_seed(learner):
    """the same seed gives the same answer"""

    def flat(_):
        return np.array([-99.0, 0, 0, 0, 0])

    one, two = (list(learner.generate(flat, [1], max_tokens=12, temperature=1.0, seed=3)) for _ in range(2))
    assert one == two, "two calls with one seed differ: use np.random.default_rng(seed)"
    assert len(set(one)) > 1, "twelve draws of four pieces were all the same: one generator for the whole answer"
