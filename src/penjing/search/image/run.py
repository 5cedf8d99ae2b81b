"""The stages of `fit` for pictures, in order.

pictures -> linear baseline -> convnet -> teacher (DeiT) -> students -> bundles in float32 and int8
         -> answers on dev -> latency, memory -> choice -> answers on test -> bundle + report
"""

from __future__ import annotations

from pathlib import Path

import torch

from penjing.progress import Reporter
from penjing.search.candidates import Candidate
from penjing.search.early import deliver_early
from penjing.search.fit import FitResult
from penjing.search.image.pictures import Sight
from penjing.search.image.teacher import train_convnet, train_teacher
from penjing.search.judge import judge_and_deliver
from penjing.search.pixels.candidates import baseline, convnet_candidate, transformer_candidates
from penjing.search.pixels.context import NEW, PixelContext, open_run
from penjing.search.pixels.students import train_students
from penjing.search.pixels.trained import TEACHER
from penjing.spec import Task


def run(task: Task, *, output: Path, cache: Path, reporter: Reporter, command: str) -> FitResult:
    """Run every stage that is not there yet and return the choice."""
    torch.set_num_threads(task.budget.threads)
    context = open_run(task, Sight(), output=output, cache=cache, reporter=reporter)
    return judge_and_deliver(
        context,
        candidates_of(context, output),
        output=output,
        command=command,
        origin=context.model.origin if context.model else None,
        asked="PICTURE.png",
    )


def candidates_of(context: PixelContext, output: Path) -> list[Candidate]:
    """Return the models of a run whose teacher is a Vision Transformer."""
    found = [baseline(context)]
    convnet = train_convnet(context)
    if convnet is not None and context.convnet == NEW:
        found.append(convnet_candidate(context, convnet))
    teacher = train_teacher(context, convnet)
    found += transformer_candidates(context, teacher)
    deliver_early(context, found, teacher=TEACHER, output=output)
    for student in train_students(context, teacher):
        found += transformer_candidates(context, student)
    return found
