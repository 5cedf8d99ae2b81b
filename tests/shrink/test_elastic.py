import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from penjing.export.layers import Precision
from penjing.export.onnx import encoder_to_onnx
from penjing.export.parity import check_parity, onnx_logits
from penjing.shrink.elastic import Sizes, compute, parts_of, sandwich
from penjing.shrink.importance import unit_importance
from penjing.shrink.structure import extract, factor_words, sort_units
from penjing.train.device import Device
from penjing.train.encoder import Part
from penjing.train.loop import train
from penjing.train.pace import TrainPlan
from penjing.train.predict import logits_of
from penjing.train.state import StateFile
from tests.train.tiny import separable, tiny_encoder

CPU = Device("cpu", bfloat16=False)
SIZES = Sizes(layers=(1, 2, 3), heads=(2, 4), ffn=(64, 128))


@pytest.fixture
def tokens():
    return separable(40)[0]


def arrays(model):
    return {name: value.detach().numpy() for name, value in model.state_dict().items()}


def test_sorting_units_changes_no_answer_and_puts_the_best_first(tokens):
    model = tiny_encoder()
    with torch.no_grad():
        model.blocks[0].ffn_out.weight[:, :64] = 0  # the first half says nothing
        model.blocks[0].attention_out.weight[:, :8] = 0  # nor does the first head
    truth = separable(40)[1]
    loss = lambda output, rows: F.cross_entropy(output.logits, truth[rows])  # noqa: E731
    ordered = sort_units(model, unit_importance(model, tokens, loss=loss, device=CPU))
    np.testing.assert_allclose(
        logits_of(ordered, tokens, device=CPU), logits_of(model, tokens, device=CPU), atol=1e-5, rtol=1e-4
    )
    assert not ordered.blocks[0].ffn_out.weight[:, 64:].any()
    assert ordered.blocks[0].ffn_out.weight[:, :64].any()
    assert not ordered.blocks[0].attention_out.weight[:, -8:].any()


@pytest.mark.parametrize("part", [Part((0, 2), 3, 64), Part((1,), 4, 128), Part((0, 1, 2), 1, 128)])
def test_an_extracted_part_answers_as_the_part(part, tokens):
    model = tiny_encoder(pooling="first")
    alone = extract(model, part)
    assert alone.shape.heads == (part.heads,) * len(part.blocks)
    np.testing.assert_allclose(
        logits_of(alone, tokens, device=CPU), logits_of(model, tokens, device=CPU, part=part), atol=1e-6
    )


def test_smaller_parts_are_within_larger_ones():
    model = tiny_encoder()
    parts = parts_of(SIZES, removal=(1, 0), shape=model.shape)
    assert len(parts) == 12
    assert parts[0] == Part((0, 1, 2), 4, 128)
    assert parts[-1] == Part((2,), 2, 64)
    work = [compute(part, model.shape) for part in parts]
    assert work == sorted(work, reverse=True)
    assert {part.blocks for part in parts} == {(0, 1, 2), (0, 2), (2,)}


def test_a_step_trains_the_largest_the_smallest_and_others_by_the_step_alone():
    parts = parts_of(SIZES, removal=(1, 0), shape=tiny_encoder().shape)
    chosen = sandwich(parts, between=2, seed=3)
    assert all(chosen(step)[0] == parts[0] and chosen(step)[-1] == parts[-1] for step in range(20))
    assert all(len(set(chosen(step))) == 4 for step in range(20))
    assert {part for step in range(200) for part in chosen(step)} == set(parts)
    assert chosen(7) == sandwich(parts, between=2, seed=3)(7)
    assert sandwich(parts[:1], between=2, seed=3)(0) == parts[:1]


def test_all_sizes_learn_together(tmp_path):
    tokens, truth = separable(400)
    model = tiny_encoder()
    parts = parts_of(SIZES, removal=(1, 0), shape=model.shape)

    def right(part):
        return float((logits_of(model, tokens, device=CPU, part=part).argmax(1) == truth.numpy()).mean())

    before = [right(part) for part in parts]
    train(
        model,
        tokens=tokens,
        loss=lambda output, rows: F.cross_entropy(output.logits.float(), truth[rows]),
        evaluate=lambda _: right(parts[-1]),
        plan=TrainPlan(epochs=12, learning_rate=5e-3, patience=12),
        device=CPU,
        state_file=StateFile(tmp_path / "state.safetensors"),
        report=lambda progress: None,
        parts=sandwich(parts, between=1, seed=0),
    )
    assert max(before) < 0.7
    assert min(right(part) for part in parts) > 0.9


def test_narrow_embeddings_of_full_rank_change_no_answer_and_frequent_pieces_are_kept_best(tokens):
    model = tiny_encoder()
    whole = factor_words(model, 32, counts=[1] * 60)
    np.testing.assert_allclose(logits_of(whole, tokens, device=CPU), logits_of(model, tokens, device=CPU), atol=1e-4)
    counts = [10_000 if piece < 8 else 0 for piece in range(60)]
    few = factor_words(model, 8, counts=counts)
    assert few.words.weight.shape == (60, 8)
    error = (few.widen(few.words.weight) - model.words.weight).square().sum(1).detach()
    assert error[:8].max() < 0.01 * error[8:].mean()


@pytest.mark.parametrize("embeddings", ["float32", "int8", "int4"])
def test_narrow_embeddings_are_exported(embeddings, tokens):
    model = factor_words(tiny_encoder(), 16, counts=[1] * 60)
    exported = encoder_to_onnx(model.shape, arrays(model), precision=Precision(embeddings=embeddings))
    expected, found = logits_of(model, tokens, device=CPU), onnx_logits(exported, tokens)
    if embeddings == "float32":
        check_parity(found, expected)
    assert np.abs(found - expected).max() < 0.2 * np.abs(expected).max()
