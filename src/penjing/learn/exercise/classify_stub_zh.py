# penjing exercise: classify
"""文本分类：BERT 之后的那一步。

提示：状态的形状是 (文本, 长度, 宽度)，求平均时只算真正的词片：mask 为 1 的是词片，为 0 的是补齐。然后是线性层，再对标签做 softmax。
把握不够的答案是 None。
"""

import numpy as np


def classify(states, mask, weight, bias, labels, at_least=0.0):
    """对每个文本返回 (标签, 概率)；概率低于 `at_least` 时返回 (None, 概率)。

    weight 的形状是 (标签, 宽度)，bias 是 (标签,)。
    """
    raise NotImplementedError
