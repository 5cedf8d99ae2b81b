"""Reads a task's data, splits it without leaks, and checks that it can be learnt from and judged on."""

from penjing.data.dataset import Example, Splits
from penjing.data.load import fingerprint, load_splits
from penjing.data.readers import iter_rows, iter_texts
from penjing.data.unlabelled import read_unlabelled

__all__ = ["Example", "Splits", "fingerprint", "iter_rows", "iter_texts", "load_splits", "read_unlabelled"]
