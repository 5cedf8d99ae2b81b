# penjing exercise: quantization
"""A matrix in int8.

Hints: one scale for each row, its largest absolute value over 127; values are rounded to the nearest whole number. A row
of zeros has no largest value: its scale may be 1. The product of a vector and the stored matrix needs no float matrix.
"""

import numpy as np


def quantize(matrix):
    """Return int8 values of the shape of `matrix`, and one float32 scale a row: row ~ values * scale."""
    raise NotImplementedError


def product(values, scales, x):
    """Return (rows,): about matrix @ x, from what `quantize` gave."""
    raise NotImplementedError
