"""Ways to classify: n-grams, an encoder fine-tuned, and the same shrunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penjing.catalog.facts import CatalogModel, Prices
from penjing.estimate.formats import file_bytes
from penjing.estimate.inference import inference_memory
from penjing.estimate.memory import Fitting, training_memory
from penjing.estimate.tensors import Model, read_model
from penjing.estimate.value import Estimate, ranged
from penjing.estimate.work import forward, training
from penjing.select.candidate import Candidate
from penjing.select.need import Need
from penjing.select.quality import Way, after, relative_errors
from penjing.select.resources import answer_seconds, monthly_cost, training_cost, training_seconds

FEW, ENOUGH = 64, 1000
"""Examples a label: below the first fine-tuning is uncertain, from the second on there are plenty."""
_EPOCHS, _STUDENT_EPOCHS, _BATCH = 4, 12, 32
_PIECES = 12_000
"""About what a trimmed vocabulary keeps."""

NGRAMS = Way(
    "n-grams", "n-grams and logistic regression", 1.6, (0.6, 1.6),
    "measured: 1.03 (waimai10k), 1.69 (SST-2), 1.72 (Banking77, ten a label) of the fine-tuned encoder's errors",
)  # fmt: skip
TUNED = Way("tuned", "fine-tuned, int8", 1.02, (0.98, 1.05), "int8: measured 0.96 to 1.04 of float32's errors")
SHRUNK = Way(
    "shrunk", "fine-tuned, then pruned, distilled, int8", 1.08, (0.95, 1.15),
    "measured: 1.02 (SST-2), 1.05 (Banking77, ten a label) of the teacher's errors",
)  # fmt: skip
_TUNED_FEW = Way("tuned", "fine-tuned, int8", 1.15, (0.85, 1.4), "few examples: fine-tuning is uncertain")
_SHRUNK_FEW = Way(
    "shrunk", SHRUNK.title, 1.25, (0.8, 1.4), "few examples: the teacher is uncertain, and its student more"
)


def classify_candidates(need: Need, models: Sequence[CatalogModel], prices: Prices) -> Iterator[Candidate]:
    """Yield every way with every model, none left out for its cost."""
    errors = relative_errors(models)
    yield _ngrams(need, prices)
    for model in models:
        shape = read_model(model.config)
        error, says = errors[model.name]
        for way in _ways(need):
            yield _candidate(need, model, shape, way, after(error, way), says, prices)


def _ways(need: Need) -> tuple[Way, ...]:
    if need.each is not None and need.each < FEW:
        return _TUNED_FEW, _SHRUNK_FEW
    return TUNED, SHRUNK


def _candidate(
    need: Need, model: CatalogModel, shape: Model, way: Way, error: Estimate, says: str, prices: Prices
) -> Candidate:
    tokens, examples = min(need.tokens, model.context), 1000 if need.examples is None else need.examples
    served = shrunk_shape(model) if way.name == "shrunk" else shape
    once = forward(shape, tokens=tokens) * examples
    learning = training(shape, tokens=tokens) * examples * _EPOCHS
    work = {
        "tuned": learning,
        "shrunk": learning + once + training(served, tokens=tokens) * examples * _STUDENT_EPOCHS,
    }[way.name]
    learned = Fitting(
        batch=_BATCH, tokens=tokens, precision="float32", runtime="cpu" if need.train_on.kind == "cpu" else "cuda"
    )
    memory = {
        "serve": inference_memory(served, format_="int8", tokens=tokens, engine="onnxruntime")["all"],
        "train": training_memory(shape, learned)["all"],
    }
    answer = answer_seconds(forward(served, tokens=tokens), need.serve_on, int8=True)
    taught = training_seconds(work, need.train_on)
    reference = f"package:{model.package}" if model.package else f"hf:{model.name}"
    return Candidate(
        name=f"{model.name}, {way.title}",
        model=reference,
        way=way.name,
        licence=model.licence,
        quality=error,
        size=_size(served),
        memory=memory,
        time={"train": taught, "answer": answer},
        cost=costs(need, answer, taught, prices),
        reasons=(says, f"{way.title}: {way.evidence}", *_of_licence(model), *_of_length(need, model)),
    )


def costs(need: Need, answer: Estimate, taught: Estimate, prices: Prices) -> dict[str, Estimate]:
    """Return the dollars of training, of a month, and of a million requests of that month."""
    month = monthly_cost(answer, need, prices)
    each = 1e6 / need.requests
    million = month.model_copy(
        update={"value": month.value * each, "low": month.low * each, "high": month.high * each,
                "formula": "a month / requests x a million"}
    )  # fmt: skip
    return {"train": training_cost(taught, need.train_on, prices), "month": month, "per_million": million}


def shrunk_shape(model: CatalogModel) -> Model:
    """Return what a student of the model usually is: half its layers, half its neurons, the pieces that are used."""
    config = dict(model.config)
    for name in ("num_hidden_layers", "n_layers", "intermediate_size", "hidden_dim"):
        if name in config:
            config[name] = max(1, config[name] // 2)
    config["vocab_size"] = min(config["vocab_size"], _PIECES)
    return read_model(config)


def _size(model: Model) -> Estimate:
    return ranged(file_bytes(model, "int8"), "bytes", "a byte a weight, and scales", spread=(1.0, 1.1))


def _ngrams(need: Need, prices: Prices) -> Candidate:
    answer = ranged(2e-4, "s", "measured: 0.1 to 0.8 ms", spread=(0.5, 4.0), basis="measured")
    taught = ranged(
        max(2.0, (need.examples or 1000) * need.labels / 2000), "s", "measured", spread=(0.3, 3.0), basis="measured"
    )
    one = ranged(1.0, "x", "the strongest here", spread=(1.0, 1.0))
    return Candidate(
        name=NGRAMS.title,
        model=None,
        way=NGRAMS.name,
        licence="yours",
        quality=after(one, NGRAMS),
        size=ranged(1.5e6, "bytes", "measured: 0.5 to 1.7 MB", spread=(0.3, 3.0), basis="measured"),
        memory={
            "serve": ranged(56e6, "bytes", "measured: 52 to 58 MB", spread=(0.9, 1.2), basis="measured"),
            "train": ranged(4e8, "bytes", "measured", spread=(0.5, 3.0), basis="measured"),
        },
        time={"train": taught, "answer": answer},
        cost=costs(need, answer, taught, prices),
        reasons=("no pretrained model: `penjing fit` always trains it, and takes it where it meets the bar",
                 NGRAMS.evidence),
    )  # fmt: skip


def _of_length(need: Need, model: CatalogModel) -> tuple[str, ...]:
    if need.tokens <= model.context:
        return ()
    return (f"reads the first {model.context:,} of {need.tokens:,} pieces",)


def _of_licence(model: CatalogModel) -> tuple[str, ...]:
    return (f"licence {model.licence}: read its terms",) if model.use == "terms" else ()
