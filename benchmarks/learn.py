"""How well answers in free text are judged by their meaning: the bank's own, against the points of all questions.

    make bench-learn

An answer says the points of its question; how many of these are found, and how many points of other questions are taken
for said, in both languages.
"""

from __future__ import annotations

import sys
from functools import cache

from penjing.learn.bank import read_bank
from penjing.learn.meaning import Judge
from penjing.zero_shot.text import DEFAULT_MODEL, open_encoder


def main() -> int:
    """Judge, and print both shares."""
    bank = read_bank()
    known = cache(open_encoder().means)
    judge = Judge(bank, lambda texts: known(tuple(texts)))
    counts = {"its own": [0, 0], "of others": [0, 0]}
    for answered in bank:
        for said in (answered.en, answered.zh):
            for question in bank:
                found = judge.grade(question, said.answer)
                count = counts["its own" if question is answered else "of others"]
                count[0] += len(found.said)
                count[1] += len(question.points)
    for name, (found_points, all_points) in counts.items():
        print(f"{DEFAULT_MODEL}, points {name}: {found_points / all_points:.3f} taken for said (n = {all_points:,})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
