"""The API against its own description: whatever is asked, the answer is one that the description promises."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import Api

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENDLESS = "^/api/(v1|metrics)/stream$"


@pytest.fixture
def described(asked: Api) -> object:
    """The description as the API itself tells it; streams never end, so they are tested elsewhere."""
    headers = {"x-api-key": asked.keys["viewer"]}
    return schemathesis.openapi.from_url(f"{asked.url}/openapi.json", headers=headers)


schema = schemathesis.pytest.from_fixture("described").exclude(path_regex=ENDLESS)


@schema.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_is_described(asked: Api, case: schemathesis.Case[Any]) -> None:
    response = case.call(base_url=asked.url, headers={"x-api-key": asked.keys["viewer"]})
    case.validate_response(response, checks=CHECKS)
