"""Engines that translate pieces: one small protocol, one file each."""

from __future__ import annotations

from penjing.engines.translate.base import Hypothesis, Pieces, PieceTranslator, Search

__all__ = ["Hypothesis", "PieceTranslator", "Pieces", "Search"]
