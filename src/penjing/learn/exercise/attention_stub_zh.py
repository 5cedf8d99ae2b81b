# penjing exercise: attention
"""缩放点积注意力。

提示：得分是 q @ k.T / sqrt(宽度)。在 exp() 之前，每行先减去该行最大的得分，否则大的得分会溢出。
causal=True 时，一个位置不能看到它之后的位置：在 softmax 之前把那些得分设为 -inf。
"""

import numpy as np


def attention(q, k, v, causal=False):
    """返回形状为 (长度, 宽度) 的结果；查询、键、值也都是这个形状。"""
    raise NotImplementedError
