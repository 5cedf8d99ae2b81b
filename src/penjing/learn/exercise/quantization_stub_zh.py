# penjing exercise: quantization
"""int8 矩阵。

提示：每行一个缩放系数，即该行最大绝对值除以 127；数值四舍五入到最近的整数。全零的行没有最大值：系数可以取 1。
向量与存储的矩阵相乘时，不需要还原成浮点矩阵。
"""

import numpy as np


def quantize(matrix):
    """返回与 `matrix` 同形状的 int8 数值，以及每行一个 float32 系数：行 ~ 数值 * 系数。"""
    raise NotImplementedError


def product(values, scales, x):
    """返回 (行,)：约等于 matrix @ x，由 `quantize` 的结果算出。"""
    raise NotImplementedError
