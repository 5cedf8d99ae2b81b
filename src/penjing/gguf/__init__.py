"""GGUF files: what is in one, read without trust and without loading its weights."""

from penjing.gguf.header import Gguf, Tensor, read_header

__all__ = ["Gguf", "Tensor", "read_header"]
