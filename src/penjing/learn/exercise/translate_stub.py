# penjing exercise: translate
"""translate_text: a Transformer that reads and writes, and placeholders that must survive.

Hints: mask each {name} and %s by a piece such that the model copies it, and put them back afterwards, by number. A
beam keeps the `beam` best beginnings, scored by the sum of log probabilities; divide by the length when they have ended.
"""


def mask(text):
    """Return the text with each {name}, %s and %d as ⟦0⟧, ⟦1⟧, … in order, and the list of what they were."""
    raise NotImplementedError


def unmask(text, kept):
    """Return the text with what was masked put back; raise ValueError where one is missing or there twice."""
    raise NotImplementedError


def beam_search(next_log_probabilities, beam, end, max_length):
    """Return the best sequence (without `end`) by mean log probability, `end` counted.

    next_log_probabilities(pieces) gives a list with one log probability a piece, for the list of pieces so far.
    """
    raise NotImplementedError
