# penjing exercise: translate
"""translate_text：又读又写的 Transformer，以及必须保留下来的占位符。

提示：把每个 {name} 和 %s 换成模型会照抄的片段，之后按编号放回去。束搜索保留 `beam` 个最好的开头，
得分是对数概率之和；结束之后除以长度。
"""


def mask(text):
    """返回把 {name}、%s、%d 依次换成 ⟦0⟧、⟦1⟧、… 的文本，以及它们原来的列表。"""
    raise NotImplementedError


def unmask(text, kept):
    """返回把占位符放回去的文本；少了一个或出现两次时抛出 ValueError。"""
    raise NotImplementedError


def beam_search(next_log_probabilities, beam, end, max_length):
    """返回平均对数概率最好的序列（不含 `end`），计算平均时算上 `end`。

    next_log_probabilities(pieces) 对目前的词片列表，给出每个词片的对数概率列表。
    """
    raise NotImplementedError
