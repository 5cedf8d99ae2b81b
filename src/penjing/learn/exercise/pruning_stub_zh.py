# penjing exercise: pruning
"""按重要性去掉前馈层的神经元。

提示：out = relu(x @ w1 + b1) @ w2 + b2。神经元 j 的重要性是 |损失对 w2[j] 的梯度乘以 w2[j]，对文本和输出求和|。
按原来的顺序保留最重要的神经元，三个数组都变小。
"""

import numpy as np


def importance(w2, gradient):
    """返回 (神经元,)；w2 和它的梯度的形状都是 (神经元, 输出)。"""
    raise NotImplementedError


def prune(w1, b1, w2, scores, keep):
    """返回更小的 w1 (输入, keep)、b1 (keep,) 和 w2 (keep, 输出)，保留最好的 `keep` 个神经元。"""
    raise NotImplementedError
