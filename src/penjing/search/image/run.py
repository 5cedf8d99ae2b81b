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
from penjing.search.image.candidates import convnet_candidate, picture_baseline, vision_candidates
from penjing.search.image.context import NEW, PictureContext, open_picture_run
from penjing.search.image.models import TEACHER, train_convnet, train_students, train_teacher
from penjing.search.judge import judge_and_deliver
from penjing.spec import Task


def run(task: Task, *, output: Path, cache: Path, reporter: Reporter, command: str) -> FitResult:
    """Run every stage that is not there yet and return the choice."""
    torch.set_num_threads(task.budget.threads)
    context = open_picture_run(task, output=output, reporter=reporter)
    return judge_and_deliver(
        context,
        _candidates(context, output),
        output=output,
        command=command,
        origin=context.model.origin if context.model else None,
        asked="PICTURE.png",
    )


def _candidates(context: PictureContext, output: Path) -> list[Candidate]:
    found = [picture_baseline(context)]
    convnet = train_convnet(context)
    if convnet is not None and context.convnet == NEW:
        found.append(convnet_candidate(context, convnet))
    teacher = train_teacher(context, convnet)
    found += vision_candidates(context, teacher)
    deliver_early(context, found, teacher=TEACHER, output=output)
    for student in train_students(context, teacher):
        found += vision_candidates(context, student)
    return found
