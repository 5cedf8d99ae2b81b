# penjing exercise: generate
"""generate_text：模型一个词片接一个词片地写。

提示：next_logits(pieces) 给出词表中每个词片的 logit。温度为 0 时取最大的；否则先除以温度，做 softmax，
再用带种子的 numpy 随机数生成器抽取。写满 max_tokens 个词片就停，或者在 `end` 之前停，`end` 不属于答案。
"""

import numpy as np


def generate(next_logits, prompt, max_tokens=50, temperature=0.0, end=0, seed=0):
    """返回接在列表 `prompt` 之后的新词片，一个整数列表。"""
    raise NotImplementedError
