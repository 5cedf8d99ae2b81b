"""A student of a teacher's probabilities, and what a translator that starts from nothing is exported as."""

import json
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import torch
from torch.nn import functional

from penjing.engines.translate.ctranslate2 import MODEL, NAMES
from penjing.export.ctranslate2 import write_ctranslate2
from penjing.shape import Shape
from penjing.train.device import Device
from penjing.train.pace import TrainPlan
from penjing.train.piece_lessons import piece_lesson
from penjing.train.piece_table import PieceTable
from penjing.train.pieces import own_table, train_pieces
from penjing.train.seq2seq import PairModel, PairRows, loss_of, new_seq2seq, pair_rows
from tests.translation.toy import pairs

CPU = Device("cpu", bfloat16=False)
SHAPE = Shape(width=32, encoder=2, decoder=1)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> PieceTable:
    path = tmp_path_factory.mktemp("pieces") / "tokenizer.json"
    train_pieces((text for pair in pairs() for text in pair), size=400, threads=1).save(str(path))
    return own_table(path)


@pytest.fixture(scope="module")
def rows(table: PieceTable) -> PairRows:
    return pair_rows(table, pairs()[:12], pad=0)


def new(table: PieceTable, *, seed: int, dropout: float = 0.0) -> PairModel:
    plan = TrainPlan(epochs=1, learning_rate=1e-3, seed=seed, dropout=dropout)
    return PairModel(new_seq2seq(SHAPE, table, plan=plan), pair_rows(table, pairs()[:1], pad=0))


def test_three_quarters_of_the_loss_are_the_teacher_s(table: PieceTable, rows: PairRows) -> None:
    teacher, student, batch = new(table, seed=1), new(table, seed=2), np.arange(8)
    lesson = piece_lesson(teacher.model, rows, device=CPU)
    output = student(*rows.tokens.batch(batch))
    told = teacher.eval()(*rows.tokens.batch(batch))[0].log_softmax(-1)
    imitated = -(told.exp() * output[0].log_softmax(-1)).sum(-1).mean()
    torch.testing.assert_close(lesson(output, batch), 0.75 * imitated + 0.25 * loss_of(output, batch))


def test_the_teacher_neither_learns_nor_forgets(table: PieceTable, rows: PairRows) -> None:
    teacher, student, batch = new(table, seed=1, dropout=0.5), new(table, seed=2), np.arange(8)
    lesson = piece_lesson(teacher.model, rows, device=CPU)
    output = student(*rows.tokens.batch(batch))
    first, second = lesson(output, batch), lesson(output, batch)
    assert first == second  # nothing is left out of what the teacher sees
    first.backward()
    assert all(value.grad is None for value in teacher.parameters())
    assert any(value.grad is not None and value.grad.abs().sum() > 0 for value in student.parameters())


def test_a_student_comes_near_its_teacher(table: PieceTable, rows: PairRows) -> None:
    teacher, student, batch = new(table, seed=1), new(table, seed=2), np.arange(12)
    lesson = piece_lesson(teacher.model, rows, device=CPU)
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-2)

    def distance() -> float:
        with torch.no_grad():
            one, other = (model(*rows.tokens.batch(batch))[0].log_softmax(-1) for model in (teacher, student))
        return float(functional.kl_div(other, one, log_target=True, reduction="batchmean"))

    before = distance()
    for _ in range(60):
        optimizer.zero_grad()
        lesson(student(*rows.tokens.batch(batch)), batch).backward()
        optimizer.step()
    assert distance() < before / 2


def test_positions_are_not_in_the_file_and_mean_the_same(table: PieceTable, tmp_path: Path) -> None:
    model = new(table, seed=3).eval()
    assert model.model.config.pad_token_id == 0
    write_ctranslate2(model.model, table, tmp_path, precision="float32")
    weights = sum(value.numel() for value in model.model.parameters())
    assert (tmp_path / MODEL).stat().st_size < 4 * weights + 8000  # a table of positions would be 64 kB
    files = {theirs: (tmp_path / ours).read_bytes() for ours, theirs in NAMES.items() if (tmp_path / ours).is_file()}
    files["shared_vocabulary.json"] = json.dumps(table.names).encode()
    translator = ctranslate2.Translator("made", device="cpu", files=files)
    rows = pair_rows(table, pairs()[:5], pad=0)
    with torch.no_grad():
        logits, right = model(*rows.tokens.batch(np.arange(5)))
    expected = logits.log_softmax(-1)[torch.arange(len(right)), right].tolist()
    sources = [[*table.spelling.pieces([one])[0]] for one, _ in pairs()[:5]]
    targets = [[*table.spelling.target_pieces([other])[0]][:-1] for _, other in pairs()[:5]]
    found = [score for result in translator.score_batch(sources, targets) for score in result.log_probs]
    assert found == pytest.approx(expected, abs=1e-3)
