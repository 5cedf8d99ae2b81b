"""Byte-level vocabularies in GGUF files split texts as llama.cpp does, which is asked itself."""

import json
from urllib.request import Request, urlopen

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penjing.errors import ModelError
from penjing.shrink.gguf_vocabulary import read_tokenizer, share_unchanged, trim_gguf
from tests.shrink.small_model_gguf import write_byte_level_model

TEXTS = [
    "The old pines, it's 1995 and we'll see 12345 of them; they'RE in pots.\n\n  Next: don't water!",
    "盆景是中国的传统艺术，有一千三百年历史。 Preis: 3,50 € (ca. 4 $)\t\tEnde\r\n",
    "def f(x):\n    return x**2  # squared\n\n\nprint(f(3.14))",
]
SPLITS = ("gpt-2", "smollm", "qwen2", "llama-bpe")
KEY = "only here"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("byte-level")
    return {split: write_byte_level_model(folder / f"{split}.gguf", split=split, texts=TEXTS * 3) for split in SPLITS}


@pytest.fixture(scope="module", params=SPLITS)
def both(request, paths):
    """The tokenizer that is made from a file, and the address of llama.cpp's server with the same file."""
    import xllamacpp

    set_up = xllamacpp.CommonParams()
    set_up.model.path = str(paths[request.param])
    set_up.n_ctx, set_up.n_parallel, set_up.verbosity, set_up.api_keys = 256, 1, 0, [KEY]
    set_up.cpuparams.n_threads = 1
    server = xllamacpp.Server(set_up)
    yield read_tokenizer(paths[request.param]), server.listening_address
    del server


def llama_cpp_ids(address, text):
    body = json.dumps({"content": text, "add_special": False}).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with urlopen(Request(f"{address}/tokenize", body, headers), timeout=30) as answer:  # noqa: S310 (loopback)
        return json.load(answer)["tokens"]


CHARACTERS = st.sampled_from(list("abcXYZ 01239'’\n\r\t.,:;!?-_()€$盆景é　\u00a0re'll")) | st.characters(
    exclude_categories=["Cs"]
)
"""What splits words, and anything else."""


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(text=st.text(CHARACTERS, max_size=40) | st.sampled_from(TEXTS))
def test_texts_are_read_as_llama_cpp_reads_them(both, text):
    tokenizer, address = both
    assert tokenizer.encode(text, add_special_tokens=False).ids == llama_cpp_ids(address, text)


@pytest.mark.parametrize("split", SPLITS)
def test_a_trimmed_one_reads_its_domain_as_before(paths, split, tmp_path):
    found = trim_gguf(paths[split], tmp_path / "small.gguf", TEXTS[:1])
    assert found.pieces_after < found.pieces_before
    assert share_unchanged(paths[split], tmp_path / "small.gguf", TEXTS[:1]) == 1.0


def test_another_way_of_splitting_is_refused(tmp_path):
    path = write_byte_level_model(tmp_path / "other.gguf", split="falcon", texts=TEXTS)
    with pytest.raises(ModelError, match="splitting texts into words is not known: 'falcon'"):
        read_tokenizer(path)
