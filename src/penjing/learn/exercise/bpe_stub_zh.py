# penjing exercise: bpe
"""字节对编码（BPE）。

提示：从每个词的字符开始。统计所有词里相邻的对，合并出现最多的一对（次数相同时取 Python 字符串顺序中靠前的），然后重复。
切词时按同样的顺序使用这些合并。
"""


def learn_merges(words, count):
    """返回至多 `count` 个合并（片段对），从一列词中学得（同一个词可以出现多次）。"""
    raise NotImplementedError


def cut(word, merges):
    """返回 `word` 的片段，一个字符串列表。"""
    raise NotImplementedError
