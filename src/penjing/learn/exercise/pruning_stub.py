# penjing exercise: pruning
"""Neurons of a feed-forward layer, taken out by their importance.

Hints: out = relu(x @ w1 + b1) @ w2 + b2. The importance of neuron j is |sum over texts and outputs of the loss's gradient
with respect to w2[j] times w2[j]|. Keep the most important ones in their order, and make all three arrays smaller.
"""

import numpy as np


def importance(w2, gradient):
    """Return (neurons,) for w2 and its gradient, both (neurons, outputs)."""
    raise NotImplementedError


def prune(w1, b1, w2, scores, keep):
    """Return smaller w1 (inputs, keep), b1 (keep,) and w2 (keep, outputs) with the `keep` best neurons."""
    raise NotImplementedError
