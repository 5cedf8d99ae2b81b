"""How llama.cpp is told to load a file."""

import pytest

from penjing.engines.text.llamacpp import settings_of
from tests.gguf.small_gguf import small_gguf

xllamacpp = pytest.importorskip("xllamacpp")
MODES = xllamacpp.llama_load_mode


@pytest.mark.parametrize(("kind", "read"), [(2, True), (8, False), (0, False)])  # Q4_0, Q8_0, F32
def test_what_llama_cpp_would_hold_twice_is_read_and_the_rest_is_mapped(tmp_path, kind, read):
    path = tmp_path / "model.gguf"
    path.write_bytes(small_gguf(tensors=(("token_embd.weight", (4, 32), kind),)))
    found = settings_of(path, threads=2, context=64, parallel=3)
    assert (found.load_mode == MODES.LLAMA_LOAD_MODE_NONE) == read
    assert (found.n_ctx, found.n_parallel) == (192, 3)
