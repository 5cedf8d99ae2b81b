"""Whether students can win: not where the linear baseline passes, and would be chosen before the smallest of them."""

from __future__ import annotations

from pathlib import Path

from penjing.export.onnx import GRAPH
from penjing.measure.size import folder_size
from penjing.search.candidates import Candidate
from penjing.search.choose import choose, passes
from penjing.search.context import Context
from penjing.search.embeddings import rank_of
from penjing.search.evaluate import Timing, all_answers, make_trial, timings
from penjing.search.latency_table import chance_model, student_shape, write_probe
from penjing.search.recipes import smallest_part
from penjing.train.encoder import EncoderShape

_NOT_TIMED = Timing(None, None, None)
_STAGE = "are students needed"


def why_not_needed(context: Context, baseline: Candidate, teacher: Candidate, shape: EncoderShape) -> str | None:
    """Return why no student of a teacher of this `shape` can be chosen; None where one can, or is asked for.

    Students are asked for where the recipe names sizes. Elsewhere none can win where the baseline meets the bar on
    dev within the budget, and would be chosen before the smallest student even if that met it too. How much that
    costs is measured with chance weights.
    """
    if context.task.recipe.names_students:
        return None
    on_dev = all_answers(context, (baseline, teacher), split="dev")
    found, bar, budget = on_dev[baseline.name], context.task.bar, context.task.budget
    trial = make_trial(context, baseline, found, _NOT_TIMED, teacher=on_dev[teacher.name])
    if trial.verdict is None or trial.verdict.probability < bar.confidence:
        return None
    probe = _probe(context, shape)
    timed = timings(context, (baseline, probe), title=_STAGE)
    if timed[baseline.name].failed or timed[probe.name].failed:
        return None
    trial = make_trial(context, baseline, found, timed[baseline.name], teacher=on_dev[teacher.name])
    if not passes(trial, bar):
        return None
    rival = trial.model_copy(
        update={
            "name": probe.name,
            "size_bytes": folder_size(probe.folder),
            "latency": timed[probe.name].latency,
        }
    )
    chosen = choose((trial, rival), objective=context.task.objective, bar=bar, budget=budget).trial
    if chosen.name != baseline.name:
        return None
    return (
        f"students were not trained: {baseline.name} meets the bar on dev, and would be chosen before the smallest of "
        "them; name sizes in the recipe (recipe.layers) to train them all the same"
    )


def _probe(context: Context, shape: EncoderShape) -> Candidate:
    """Return the smallest student that the recipe stands for, with chance weights."""
    part, small = smallest_part(context.task.recipe, shape), student_shape(context, shape, rank=rank_of(context, shape))

    def make(folder: Path, _: Path) -> None:
        write_probe(context, chance_model(small, part), folder / "bundle")
        (folder / "bundle.onnx").unlink()

    inputs = {
        "shape": small.to_json(),
        "part": [len(part.blocks), part.heads, part.ffn],
        "graph": GRAPH,
        **context.base_key,
    }
    stage = context.store.stage("probe", inputs, make)
    return Candidate("smallest student", "candidate", (), "onnxruntime", stage.folder / "bundle", stage.key, 0.0, 0, ())
