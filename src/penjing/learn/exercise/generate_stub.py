# penjing exercise: generate
"""generate_text: a model writes, one piece after another.

Hints: next_logits(pieces) gives one logit for each piece of the vocabulary. temperature 0 takes the best; otherwise
divide the logits by it, softmax, and draw with numpy's generator of the seed. Stop after max_tokens pieces, or before
`end`, which is not part of the answer.
"""

import numpy as np


def generate(next_logits, prompt, max_tokens=50, temperature=0.0, end=0, seed=0):
    """Return the new pieces, a list of whole numbers, after the list `prompt`."""
    raise NotImplementedError
