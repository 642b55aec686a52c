"""The layouts that the tests of workbooks go through."""

from __future__ import annotations

import pytest

from tests.helpers.workbooks import KINDS


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param
