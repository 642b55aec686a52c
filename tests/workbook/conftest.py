"""Templates and layouts that the tests of workbooks go through."""

from __future__ import annotations

import pytest

from tests.helpers.samples import SAMPLE, sampled, small_templates
from tests.helpers.workbooks import KINDS


@pytest.fixture(params=sampled(small_templates(), *SAMPLE))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param
