"""Whatever is sent to whichever route, the reply is an answer or an error of the client's, in its envelope."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serve.running import classifier, running, services_of
from tests.serve.test_write import fake_writer

POSTS = ("/v1/classify", "/v1/chat/completions", "/v1/completions", "/tokenize", "/v2/models/tiny/infer")
KNOWN = """
input model messages prompt role content user tiny fake inputs name shape data datatype BYTES text n stop seed stream
top truncate temperature max_tokens top_k response_format type json_schema schema stream_options tools top_p
"""
WORDS = st.sampled_from(KNOWN.split())
LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
    | WORDS | st.sampled_from(["good", "\x00", "a" * 5000])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=6),
    max_leaves=15,
)
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["tiny", "fake"]),
        "input": VALUES,
        "prompt": st.text(max_size=10) | VALUES,
        "messages": st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(["user", "system", "x"]), "content": LEAVES}), max_size=3
        ),
        "n": LEAVES,
        "stop": LEAVES,
        "seed": LEAVES,
        "temperature": LEAVES,
        "max_tokens": LEAVES,
        "response_format": VALUES,
        "stream": st.booleans(),
        "inputs": VALUES,
        "top": LEAVES,
    },
)


@pytest.fixture(scope="module")
def client(tiny_bundle):
    with running(services_of(classifier(tiny_bundle), lambda _: fake_writer())) as found:
        yield found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(POSTS), body=VALUES | LIKELY)
def test_any_json_gets_an_answer_or_an_envelope(client, path, body):
    check(*client.post(path, body))


@settings(max_examples=50, deadline=None)
@given(path=st.sampled_from(POSTS), body=st.binary(max_size=200))
def test_any_bytes_get_an_envelope(client, path, body):
    check(*client.post(path, body, Content_Type="application/json"))


def check(status, headers, reply):
    assert status < 500, reply
    assert headers["x-request-id"]
    if status >= 400:
        assert set(reply["error"]) == {"message", "type", "param", "code"}
