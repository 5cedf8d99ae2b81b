# penjing exercise: distillation
"""The loss of a student: a teacher's softened probabilities, and the labels.

Hints: soften both by the temperature before the softmax. The divergence of the student's from the teacher's is
sum(p * (log p - log q)), the mean over texts, times the temperature squared, so that its gradient keeps its size.
The cross-entropy with the labels has no temperature. The loss is share * divergence + (1 - share) * cross-entropy.
"""

import numpy as np


def distillation_loss(student, teacher, labels, temperature=2.0, share=0.5):
    """Return one number for logits (texts, labels) of student and teacher, and the right labels (texts,)."""
    raise NotImplementedError
