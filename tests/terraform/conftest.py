"""One journey for all who ask about it: it takes minutes."""

import os

import pytest

from tests.terraform.journey import Environment, Journey, travel


@pytest.fixture(scope="session")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Journey:
    return travel(tmp_path_factory.mktemp("journey") / "terraform", whole=os.environ.get("NOCTURNAL_SOAK") == "1")


@pytest.fixture(scope="session", params=["production", "staging"])
def environment(journey: Journey, request: pytest.FixtureRequest) -> Environment:
    return journey.environments[request.param]
