# penjing exercise: bpe
"""Byte-pair encoding.

Hints: begin with the characters of each word. Count neighbouring pairs over all words, merge the most frequent one (of
equals the one that is first in the order of Python's strings), and repeat. Words are cut by the same merges, in order.
"""


def learn_merges(words, count):
    """Return up to `count` merges, pairs of pieces, learned from a list of words (a word may come several times)."""
    raise NotImplementedError


def cut(word, merges):
    """Return the pieces of `word`, a list of strings."""
    raise NotImplementedError
