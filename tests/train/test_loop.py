import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from penjing.errors import ModelError
from penjing.train import loop
from penjing.train.augment import augment
from penjing.train.batches import capped_batches, from_rows, shuffled_batches, sorted_batches
from penjing.train.device import Device
from penjing.train.distill import Distillation, distillation_loss, label_loss
from penjing.train.loop import train
from penjing.train.pace import TrainPlan, affordable_steps
from penjing.train.predict import answers_of, logits_of
from penjing.train.state import StateFile
from tests.train.tiny import separable, tiny_encoder

CPU = Device("cpu", bfloat16=False)


class Killed(BaseException):
    """Stands for kill -9: nothing that follows runs."""


def accuracy(model, tokens, truth):
    return float((logits_of(model, tokens, device=CPU).argmax(1) == truth.numpy()).mean())


def run(
    model, tokens, truth, state_path, *, epochs=6.0, loss=None, evaluate=None, report=lambda _: None, judged=0, **plan
):
    return train(
        model,
        tokens=tokens,
        loss=loss or label_loss(truth, multi_label=False),
        evaluate=evaluate or (lambda m: accuracy(m, tokens, truth)),
        plan=TrainPlan(epochs=epochs, learning_rate=3e-3, **plan),
        device=CPU,
        state_file=StateFile(state_path),
        report=report,
        judged_texts=judged,
    )


def test_training_learns_and_keeps_the_best_weights(tmp_path):
    tokens, truth = separable()
    model = tiny_encoder()
    result = run(model, tokens, truth, tmp_path / "state.safetensors")
    assert result.best_score > 0.9
    assert accuracy(model, tokens, truth) == result.best_score


def test_early_stop_after_evaluations_without_a_better_score(tmp_path):
    tokens, truth = separable()
    result = train(
        tiny_encoder(),
        tokens=tokens,
        loss=label_loss(truth, multi_label=False),
        evaluate=lambda _: 0.5,
        plan=TrainPlan(epochs=20, learning_rate=1e-3, patience=2),
        device=CPU,
        state_file=StateFile(tmp_path / "s"),
        report=lambda _: None,
    )
    assert result.stopped_early
    assert result.steps == 3 * 7  # one evaluation an epoch of seven steps: the best one and two misses


def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(tmp_path, monkeypatch):
    monkeypatch.setattr("penjing.train.loop._CHECKPOINT_EVERY_S", -1.0)
    tokens, truth = separable()
    whole, parts = tiny_encoder(), tiny_encoder()
    run(whole, tokens, truth, tmp_path / "whole", epochs=3)

    def kill_at(step):
        def report(progress):
            if progress.step == step:
                raise Killed

        return report

    for step in (5, 9, 17):
        with pytest.raises(Killed):
            run(tiny_encoder(), tokens, truth, tmp_path / "parts", epochs=3, report=kill_at(step))
    steps = []
    run(
        parts,
        tokens,
        truth,
        tmp_path / "parts",
        epochs=3,
        report=lambda progress: steps.append(progress.step),
    )
    assert steps[0] > 9
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[name], value, msg=name)


def test_a_half_written_state_file_is_as_good_as_none(tmp_path):
    (tmp_path / "state").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{not json")
    model = tiny_encoder()
    assert StateFile(tmp_path / "state").read(model, torch.optim.AdamW(model.parameters())) is None


def test_the_state_of_another_version_is_as_good_as_none(tmp_path):
    counters = {"steps": 3, "most_steps": 3, "of_another_version": 1}
    save_file({"model.x": torch.ones(1)}, tmp_path / "state", metadata={"counters": json.dumps(counters)})
    model = tiny_encoder()
    assert StateFile(tmp_path / "state").read(model, torch.optim.AdamW(model.parameters())) is None


def test_a_gradient_that_stays_nan_is_an_error_that_names_a_learning_rate(tmp_path):
    tokens, truth = separable()

    def loss(output, indices):
        return output.logits.sum() * float("nan")

    with pytest.raises(ModelError, match=r"recipe\.learning_rate"):
        run(tiny_encoder(), tokens, truth, tmp_path / "s", loss=loss)


def test_the_time_limit_shortens_the_schedule(tmp_path):
    tokens, truth = separable()
    result = run(tiny_encoder(), tokens, truth, tmp_path / "s", epochs=500, time_limit_s=0.5, patience=10_000)
    assert 4 < result.steps < 500 * 7  # settled after the fourth step at the earliest, and judged after one more


class Clock:
    """Goes on by 5 ms a step, and as it is set."""

    now = 0.0

    def monotonic(self):
        return self.now

    def loss(self, truth):
        inner = label_loss(truth, multi_label=False)

        def loss(output, indices):
            self.now += 0.005
            return inner(output, indices)

        return loss


@pytest.mark.parametrize("limit", [25.0, 38.0])
def test_slow_evaluations_count_in_the_time_limit(tmp_path, monkeypatch, limit):
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)
    tokens, truth = separable()

    def evaluate(model):
        clock.now += 10
        return next(scores)

    scores = itertools.count()
    loss = clock.loss(truth)
    run(tiny_encoder(), tokens, truth, tmp_path / "s", epochs=500, time_limit_s=limit, evaluate=evaluate, loss=loss)
    assert 0.8 * limit < clock.now <= limit


def test_a_dear_evaluation_comes_only_at_the_end_of_a_limited_time(tmp_path, monkeypatch):
    """5 ms a step of 32 texts, so that 4,500 texts to judge are estimated, and take, 156 ms."""
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)
    tokens, truth = separable()
    steps, judged_at = [], []

    def evaluate(model):
        judged_at.append(len(steps))
        clock.now += 0.156
        return 0.5

    found = run(
        tiny_encoder(), tokens, truth, tmp_path / "s", epochs=500, time_limit_s=0.7, judged=4_500,
        evaluate=evaluate, loss=clock.loss(truth), report=steps.append,
    )  # fmt: skip
    assert judged_at == [found.steps - 1]
    assert 0.6 < clock.now <= 0.72  # batches differ: the first steps are no exact measure of the rest


def test_distillation_pulls_a_student_to_its_teacher(tmp_path):
    tokens, truth = separable()
    teacher = tiny_encoder()
    run(teacher, tokens, truth, tmp_path / "teacher")
    said = answers_of(teacher, tokens, device=CPU)
    logits = said.logits
    student = tiny_encoder(layers=2)
    loss = distillation_loss(said, weights=Distillation(), multi_label=False)
    before = np.abs(logits_of(student, tokens, device=CPU) - logits.numpy()).mean()
    run(student, tokens, truth, tmp_path / "student", loss=loss)
    after = np.abs(logits_of(student, tokens, device=CPU) - logits.numpy()).mean()
    assert after < before / 3


def test_multi_label_loss_takes_any_number_of_labels():
    model = tiny_encoder(labels=3)
    truth = torch.tensor([[1, 0, 1], [0, 0, 0]])
    output = model(torch.ones(2, 4, dtype=torch.long), torch.ones(2, 4))
    value = label_loss(truth, multi_label=True)(output, np.array([0, 1]))
    expected = torch.nn.functional.binary_cross_entropy(torch.sigmoid(output.logits), truth.float())
    torch.testing.assert_close(value, expected)


@given(
    lengths=st.lists(st.integers(1, 40), max_size=300),
    size=st.integers(1, 20),
    seed=st.integers(0, 5),
)
def test_batches_hold_every_text_once(lengths, size, seed):
    array = np.array(lengths, dtype=np.int64)
    for batches in (
        shuffled_batches(array, size=size, seed=seed),
        capped_batches(array, size=size, seed=seed),
        sorted_batches(array, size=size),
    ):
        found = [int(index) for batch in batches for index in batch]
        assert sorted(found) == list(range(len(lengths)))


@given(lengths=st.lists(st.integers(1, 200), min_size=1, max_size=300), size=st.integers(1, 40), seed=st.integers(0, 9))
def test_capped_batches_hold_no_more_texts_and_pieces_than_allowed(lengths, size, seed):
    array = np.array(lengths, dtype=np.int64)
    for batch in capped_batches(array, size=size, seed=seed):
        assert len(batch) <= size
        assert len(batch) * array[batch].max() <= max(size * array.mean(), array[batch].max())


@given(rows=st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=9), min_size=1, max_size=20))
def test_a_batch_pads_to_its_longest_text(rows):
    tokens = from_rows([np.array(row, np.int32) for row in rows], pad_id=0)
    chosen = np.arange(len(rows))[::-1].copy()
    ids, mask = tokens.batch(chosen)
    for row, index in enumerate(chosen):
        assert ids[row][mask[row]].tolist() == rows[index]
        assert not ids[row][~mask[row]].any()
    assert ids.shape[1] == max(len(row) for row in rows)
    assert [list(tokens.take(chosen).ids)] == [[piece for index in chosen for piece in rows[index]]]


@given(
    rows=st.lists(st.lists(st.integers(5, 30), max_size=9), min_size=1, max_size=12),
    copies=st.integers(0, 3),
    seed=st.integers(0, 9),
)
def test_augmented_texts_keep_their_frame_their_length_and_their_pieces(rows, copies, seed):
    framed = [np.array([2, *row, 3], np.int32) for row in rows]
    tokens = from_rows(framed, pad_id=0)
    grown = augment(tokens, copies=copies, seed=seed)
    assert len(grown) == len(rows) * (copies + 1)
    known = {piece for row in framed for piece in row.tolist()}
    for index in range(len(grown)):
        row = grown.take(np.array([index])).ids
        assert row[0] == 2
        assert row[-1] == 3
        assert len(row) <= tokens.lengths.max()
        assert set(row.tolist()) <= known
    assert grown.ids[: len(tokens.ids)].tolist() == tokens.ids.tolist()


@pytest.mark.parametrize(
    ("left_s", "evaluation_s", "steps"),
    [(100.0, 0.0, 110), (110.0, 10.0, 60), (1e9, 10.0, 500), (-5.0, 10.0, 10), (10.9, 10.0, 10), (12.1, 10.0, 12)],
)
def test_steps_that_the_time_allows(left_s, evaluation_s, steps):
    found = affordable_steps(10, left_s=left_s, step_s=1.0, evaluation_s=evaluation_s, every=10, most=500)
    assert found == steps
