"""Checks of the exercise on translation."""

import math


def check_mask(learner):
    """placeholders become numbered marks"""
    text, kept = learner.mask("Save %s to {folder}? %d left")
    assert text == "Save ⟦0⟧ to ⟦1⟧? ⟦2⟧ left", f"the text is {text!r}"
    assert list(kept) == ["%s", "{folder}", "%d"], f"kept is {kept}"
    assert learner.mask("100 % sure")[0] == "100 % sure", "a mere % is no placeholder"


def check_unmask(learner):
    """they are put back by number, wherever they went"""
    found = learner.unmask("把 ⟦0⟧ 存到 ⟦1⟧", ["%s", "{folder}"])
    assert found == "把 %s 存到 {folder}", f"the text is {found!r}"
    assert learner.unmask("⟦1⟧ 里的 ⟦0⟧", ["%s", "{folder}"]) == "{folder} 里的 %s"


def check_lost(learner):
    """what is lost or doubled is an error"""
    for text in ("⟦0⟧", "⟦0⟧ ⟦1⟧ ⟦1⟧"):
        try:
            learner.unmask(text, ["%s", "{folder}"])
        except ValueError:
            continue
        raise AssertionError(f"{text!r} was accepted for two placeholders")


def _model(pieces):
    """Return a model whose best first piece leads to a bad end: 0 ends, 1 and 2 are words."""
    table = {(): [0.0, 0.6, 0.4], (1,): [0.1, 0.45, 0.45], (2,): [0.98, 0.01, 0.01]}
    return [math.log(max(share, 1e-9)) for share in table.get(tuple(pieces), [0.9, 0.05, 0.05])]


def check_greedy(learner):
    """a beam of one takes the best piece each time"""
    found = list(learner.beam_search(_model, 1, 0, 4))
    assert found[:1] == [1], f"greedy began with {found[:1]}, not with the most probable piece"


def check_beam(learner):
    """a wider beam finds the better sequence"""
    found = list(learner.beam_search(_model, 3, 0, 4))
    assert found == [2], f"{found}: 2 and the end have the better mean, {math.log(0.4 * 0.98) / 2:.2f} a piece"


def check_mean(learner):
    """sequences are compared by the mean, so that long ones are not punished"""

    def model(pieces):
        table = {(): [0.5, 0.5, 1e-9], (1,): [0.01, 1e-9, 0.99]}
        return [math.log(share) for share in table.get(tuple(pieces), [0.9, 0.05, 0.05])]

    found = list(learner.beam_search(model, 3, 0, 4))
    assert found == [1, 2], f"{found}: [1, 2] and the end have the better mean; the sum favours what ends at once"


def check_end(learner):
    """a sequence that never ends is cut at its longest"""
    found = list(learner.beam_search(lambda pieces: [math.log(1e-9), 0.0], 2, 0, 5))
    assert found == [1] * 5, f"max_length=5 gave {found}"
