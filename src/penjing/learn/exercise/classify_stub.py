# penjing exercise: classify
"""Text classification: what stands behind a BERT.

Hints: the mean of the states, (texts, length, width), counts real pieces alone: mask is 1 for them and 0 for padding. Then
a linear layer and a softmax over the labels. An answer that is not sure enough is None.
"""

import numpy as np


def classify(states, mask, weight, bias, labels, at_least=0.0):
    """Return for each text (label, probability), or (None, probability) where that is below `at_least`.

    weight is (labels, width), bias (labels,).
    """
    raise NotImplementedError
