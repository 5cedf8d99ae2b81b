"""Ways to generate text and to translate: language models in GGUF, and Transformers that read and write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from penjing.catalog.facts import CatalogModel, Device, Prices
from penjing.estimate.formats import file_bytes
from penjing.estimate.inference import inference_memory
from penjing.estimate.memory import Fitting, training_memory
from penjing.estimate.speed import assumed_law, calibrated_law, prefill_seconds, read_bytes_per_token
from penjing.estimate.tensors import Model, read_model
from penjing.estimate.value import Estimate, exact, ranged
from penjing.estimate.work import forward, training
from penjing.select.candidate import Candidate
from penjing.select.classify import costs
from penjing.select.need import Need
from penjing.select.quality import Way, after, relative_errors
from penjing.select.resources import answer_seconds, training_seconds
from penjing.shape import Shape

_TUNING_EPOCHS, _NEW_EPOCHS = 3, 11
_LORA_RANK = 16
_EIGHT = Way("Q8_0", "8 bits, llama.cpp", 1.0, (0.99, 1.02), "8 bits: within 0.1 % bits per byte")
_FOUR = Way(
    "Q4_K_M", "4 bits, llama.cpp", 1.07, (0.96, 1.05), "4 bits: Qwen2 0.5B to 7B, MMLU, 1.04 to 1.09 of the errors"
)
_AS_IS = Way("as-is", "int8, CTranslate2", 1.0, (0.95, 1.1), "int8: within 0.1 BLEU in docs/benchmarks.md")
_OWN_PAIRS = Way(
    "tuned", "fine-tuned on your pairs, int8, CTranslate2", 0.85, (0.7, 1.15), "your own kind of texts: an assumption"
)
_TEACHER = Shape.of_teacher()
_NEW_PIECES = 8000
_NEW_ERROR, _NEW_PAIRS, _NEW_POWER = 1.3, 80_000, 0.3


@dataclass(frozen=True)
class _Taken:
    """What a way takes, before it is priced."""

    work: float
    answer: Estimate
    size: Estimate
    memory: dict[str, Estimate]
    parts: dict[str, Estimate] = field(default_factory=dict)
    """Of an answer that is written: "first", seconds to the first piece, and "piece", of each that follows."""


def generate_candidates(need: Need, models: Sequence[CatalogModel], prices: Prices) -> Iterator[Candidate]:
    """Yield every model in 8 and in 4 bits, fine-tuned by LoRA where there are examples."""
    errors = relative_errors(models)
    for model in models:
        shape = read_model(model.config)
        error, says = errors[model.name]
        for way in (_EIGHT, _FOUR):
            yield _candidate(need, model, way, after(error, way), says, _written(need, shape, way.name), prices)


def translate_candidates(need: Need, models: Sequence[CatalogModel], prices: Prices) -> Iterator[Candidate]:
    """Yield every checkpoint as it is, and a Transformer that starts from nothing."""
    errors = relative_errors(models)
    for model in models:
        error, says = errors[model.name]
        shape = read_model(model.config)
        yield _candidate(need, model, _AS_IS, after(error, _AS_IS), says, _translated(need, shape, None), prices)
        if need.examples:
            taken = _translated(need, shape, (shape, _TUNING_EPOCHS))
            yield _candidate(need, model, _OWN_PAIRS, after(error, _OWN_PAIRS), says, taken, prices)
    if need.examples:
        yield _new_translator(need, prices)


def _candidate(
    need: Need, model: CatalogModel, way: Way, error: Estimate, says: str, taken: _Taken, prices: Prices
) -> Candidate:
    taught = training_seconds(taken.work, need.train_on) if taken.work else exact(0.0, "s", "used as it is")
    terms = (f"licence {model.licence}: read its terms",) if model.use == "terms" else ()
    return Candidate(
        name=f"{model.name}, {way.title}",
        model=f"package:{model.package}" if model.package else f"hf:{model.name}",
        way=way.name,
        licence=model.licence,
        quality=error,
        size=taken.size,
        memory=taken.memory,
        time={"train": taught, "answer": taken.answer, **taken.parts},
        cost=costs(need, taken.answer, taught, prices),
        reasons=(says, way.evidence, *terms),
    )


def _written(need: Need, shape: Model, format_: str) -> _Taken:
    """Return what writing takes, and fine-tuning by LoRA in 16 bits."""
    device, tokens = need.serve_on, need.tokens + need.written
    law = assumed_law(device.bandwidth) if device.decode is None else calibrated_law(device.decode)
    read = read_bytes_per_token(shape, format_=format_, context=tokens)
    each = law.token(read_bytes=read, layers=shape.layers)
    first = prefill_seconds(shape, tokens=need.tokens, peak=_peak(device))
    answer = Estimate(
        value=first.value + need.written * each.value, low=first.low + need.written * each.low,
        high=first.high + need.written * each.high, unit="s", basis="assumed",
        formula=f"prompt: {first.formula}; then pieces x ({each.formula})",
        inputs={"prompt_s": first.value, "piece_s": each.value, "pieces": need.written},
    )  # fmt: skip
    learned = Fitting(
        batch=8, tokens=tokens, precision="bfloat16", lora_rank=_LORA_RANK, checkpointing=True,
        runtime="cpu" if need.train_on.kind == "cpu" else "cuda",
    )  # fmt: skip
    examples = need.examples or 0
    return _Taken(
        work=training(shape, tokens=tokens, tuning="lora", checkpointing=True) * examples * _TUNING_EPOCHS,
        answer=answer,
        size=ranged(file_bytes(shape, format_), "bytes", f"weights in {format_}", spread=(1.0, 1.05)),
        memory={
            "serve": inference_memory(shape, format_=format_, tokens=tokens, engine="llamacpp")["all"],
            **({"train": training_memory(shape, learned)["all"]} if examples else {}),
        },
        parts={"first": first, "piece": each},
    )


def _translated(need: Need, shape: Model, taught: tuple[Model, float] | None) -> _Taken:
    """Return what translating takes, and teaching: a teacher and how often it sees the examples."""
    sides = (need.tokens + need.written) // 2 + 1  # each block sees one side
    learned = Fitting(
        batch=96, tokens=sides, precision="float32", runtime="cpu" if need.train_on.kind == "cpu" else "cuda"
    )
    training_work = 0.0
    memory = {"serve": inference_memory(shape, format_="int8", tokens=need.tokens, engine="ctranslate2")["all"]}
    if taught is not None:
        teacher, epochs = taught
        memory["train"] = training_memory(teacher, learned)["all"]
        times = (need.examples or 0) * epochs
        once = (training(one, tokens=need.tokens, target_tokens=need.written) for one in (teacher, shape))
        training_work = times * (
            sum(once) if teacher is not shape else training(shape, tokens=need.tokens, target_tokens=need.written)
        )
    return _Taken(
        work=training_work,
        answer=_translation_seconds(need, shape),
        size=ranged(file_bytes(shape, "int8"), "bytes", "a byte a weight, and scales", spread=(1.0, 1.3)),
        memory=memory,
    )


def _translation_seconds(need: Need, shape: Model) -> Estimate:
    """Return the seconds of a translation: reading by operations, writing by the bytes that each piece reads."""
    reading = answer_seconds(forward(shape, tokens=need.tokens), need.serve_on, int8=True)
    law = assumed_law(need.serve_on.bandwidth)
    each = law.token(read_bytes=read_bytes_per_token(shape, format_="int8"), layers=shape.layers)
    return Estimate(
        value=reading.value + need.written * each.value, low=reading.low + need.written * each.low,
        high=reading.high + need.written * each.high, unit="s", basis="assumed",
        formula=f"reading: {reading.formula}; then pieces x ({each.formula})",
        inputs={"reading_s": reading.value, "piece_s": each.value, "pieces": need.written},
    )  # fmt: skip


def _new_translator(need: Need, prices: Prices) -> Candidate:
    teacher, student = (_new_shape(shape) for shape in (_TEACHER, _TEACHER.student))
    taken = _translated(need, student, (teacher, _NEW_EPOCHS))
    taught = training_seconds(taken.work, need.train_on)
    return Candidate(
        name="a new Transformer, distilled, int8, CTranslate2",
        model="new",
        way="new",
        licence="yours",
        quality=ranged(
            _NEW_ERROR * (_NEW_PAIRS / (need.examples or _NEW_PAIRS)) ** _NEW_POWER,
            "x",
            "1.3 x (80,000 / pairs) ** 0.3: an assumption, for no table says",
            spread=(0.5, 1.6),
        ),
        size=taken.size,
        memory=taken.memory,
        time={"train": taught, "answer": taken.answer},
        cost=costs(need, taken.answer, taught, prices),
        reasons=("learns from your pairs alone: good where texts are of one kind and pairs are 50,000 or more",),
    )


def _new_shape(shape: Shape) -> Model:
    return read_model({
        "model_type": "m2m_100", "vocab_size": _NEW_PIECES, "d_model": shape.width, "encoder_layers": shape.encoder,
        "decoder_layers": shape.decoder, "encoder_attention_heads": shape.width // 64,
        "decoder_attention_heads": shape.width // 64, "encoder_ffn_dim": shape.neurons,
        "decoder_ffn_dim": shape.neurons, "max_position_embeddings": 512,
    })  # fmt: skip


def _peak(device: Device) -> float:
    return device.float32 if device.kind == "cpu" else device.bfloat16 or device.float32
