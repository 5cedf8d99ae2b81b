"""The stages of `fit` for sounds, in order.

sounds -> spectrograms -> linear baseline -> teacher (Whisper's encoder, or from nothing as for pictures)
       -> students, convnet -> bundles in float32 and int8
       -> answers on dev -> latency, memory -> choice -> answers on test -> bundle + report
"""

from __future__ import annotations

from pathlib import Path

import torch

from penjing.progress import Reporter
from penjing.search.audio.sounds import Hearing
from penjing.search.audio.teacher import train_sound_teacher, train_taught_convnet
from penjing.search.candidates import Candidate
from penjing.search.early import deliver_early
from penjing.search.fit import FitResult
from penjing.search.image.run import candidates_of
from penjing.search.judge import judge_and_deliver
from penjing.search.pixels.candidates import baseline, convnet_candidate, transformer_candidates
from penjing.search.pixels.context import NO_CONVNET, PixelContext, open_run
from penjing.search.pixels.students import train_students
from penjing.search.pixels.trained import TEACHER
from penjing.spec import Task


def run(task: Task, *, output: Path, cache: Path, reporter: Reporter, command: str) -> FitResult:
    """Run every stage that is not there yet and return the choice."""
    torch.set_num_threads(task.budget.threads)
    context = open_run(task, Hearing(), output=output, cache=cache, reporter=reporter)
    return judge_and_deliver(
        context,
        candidates_of(context, output) if context.model is None else _of_checkpoint(context, output),
        output=output,
        command=command,
        origin=context.model.origin if context.model else None,
        asked="SOUND.wav",
    )


def _of_checkpoint(context: PixelContext, output: Path) -> list[Candidate]:
    found = [baseline(context)]
    teacher = train_sound_teacher(context)
    found += transformer_candidates(context, teacher)
    deliver_early(context, found, teacher=TEACHER, output=output)
    for student in train_students(context, teacher):
        found += transformer_candidates(context, student)
    if context.task.recipe.convnet != NO_CONVNET:
        found.append(convnet_candidate(context, train_taught_convnet(context, teacher)))
    return found
