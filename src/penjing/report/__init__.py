"""report.html: what a run of `fit` found, in one offline file."""

from penjing.report.model import (
    Abstain,
    Calibration,
    ClassChange,
    Commands,
    Contribution,
    DataFacts,
    Expectation,
    Flip,
    FlipCounts,
    LedgerRow,
    Measurement,
    ReliabilityBin,
    RunReport,
    StageTime,
    VocabularyTrim,
)
from penjing.report.page import render
from penjing.report.write import write_report

__all__ = [
    "Abstain",
    "Calibration",
    "ClassChange",
    "Commands",
    "Contribution",
    "DataFacts",
    "Expectation",
    "Flip",
    "FlipCounts",
    "LedgerRow",
    "Measurement",
    "ReliabilityBin",
    "RunReport",
    "StageTime",
    "VocabularyTrim",
    "render",
    "write_report",
]
