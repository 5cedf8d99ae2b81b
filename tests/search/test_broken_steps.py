"""Steps that break a model: what they make is measured like the rest, and the choice refuses it."""

from dataclasses import replace

import pytest
import torch

from penjing import fit, read_task
from penjing.search import candidates
from penjing.search.precision import settled
from tests.tiny_task import write_tiny_task

STUDENT = "1 layer, 50% FFN"


def shuffled(model, count):
    """Cut the positions as the real step does, and shuffle every matrix of a student's blocks."""
    kept = candidates_keep_positions(model, count)
    if kept.shape.layers == 1:
        torch.manual_seed(0)
        for name, weight in kept.named_parameters():
            if name.startswith("blocks.") and weight.ndim == 2:
                weight.data = weight.data.flatten()[torch.randperm(weight.numel())].view_as(weight)
    return kept


candidates_keep_positions = candidates.keep_positions


def saturating(context, source):
    """Settle scales as the real step does, and make those of inputs so small that nearly all of them saturate."""
    found = settled(context, source)
    linear = {
        layer: replace(scale, scale=scale.scale / 1000, zero_point=0) for layer, scale in found.precision.linear.items()
    }
    return replace(found, precision=replace(found.precision, linear=linear))


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    learned_well = {"recipe.epochs": 6, "recipe.learning_rate": 5e-3}
    task = read_task(write_tiny_task(folder), overrides={"bar.drop_at_most": 0.05, **learned_well})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "keep_positions", shuffled)
        patch.setattr(candidates, "settled", saturating)
        return fit(task, output=folder / "run", cache=folder / "cache")


def test_shuffled_weights_are_measured_and_refused(result):
    broken = [trial for trial in result.trials if trial.name.startswith(STUDENT)]
    assert broken
    assert all(trial.verdict.word == "not met" for trial in broken)
    assert result.choice not in {trial.name for trial in broken}


def test_saturating_layers_are_measured_and_refused(result):
    broken = [trial for trial in result.trials if trial.name in {"teacher int8", "trimmed teacher int8"}]
    assert len(broken) == 2
    assert all(trial.verdict.word == "not met" for trial in broken)
    assert result.choice not in {trial.name for trial in broken}


def test_what_is_not_broken_is_chosen(result):
    assert result.choice in {"linear", "teacher", "trimmed teacher"}
    assert result.verdict.word != "not met"
