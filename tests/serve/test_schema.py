"""What our OpenAPI promises: requests made from it, sound and unsound, never end in an error of the server's.

The schema is read by a library that knows nothing of our code (schemathesis).
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from penjing.serve.app import create_app
from tests.serve.running import classifier, running, services_of
from tests.serve.test_translate import translator
from tests.serve.test_write import fake_writer

PROMISES = [content_type_conformance, response_schema_conformance, status_code_conformance]
CASES = [
    (method, path, mode)
    for path, found in create_app(services_of()).openapi()["paths"].items()
    for method in found
    for mode in GenerationMode
    if "requestBody" in found[method] or mode is GenerationMode.POSITIVE  # what has no body cannot be unsound
]


@schemathesis.serializer("audio/*", "image/*")
def _as_it_is(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def promised(tiny_bundle, toy_bundle):
    served = services_of(classifier(tiny_bundle), translator(toy_bundle), lambda _: fake_writer())
    with running(served) as client:
        yield schemathesis.openapi.from_url(f"{client.url}/openapi.json")


@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_a_route_keeps_its_promises(promised, method, path, mode):
    strategy = promised[path][method].as_strategy(generation_mode=mode)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=strategy)
    def keeps(case):
        response = case.call(timeout=30)
        assert response.status_code < 500, response.text
        case.validate_response(response, checks=PROMISES)

    keeps()
