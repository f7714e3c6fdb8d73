"""One engine, its base images and the image under test, made once for all tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docker import bases
from tests.docker.engine import DockerEngine

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Image:
    """The image under test, and the one of the stage that built it."""

    engine: DockerEngine
    name: str = "nocturnal:test"
    single_stage: str = "nocturnal:single-stage"


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    """A Docker engine of the tests' own; without root there is none, and the error says so."""
    with DockerEngine() as opened:
        yield opened


@pytest.fixture(scope="session")
def image(engine: DockerEngine) -> Image:
    """The image, built from the working folder as the README says."""
    bases.make_python(engine)
    image = Image(engine)
    engine.build(ROOT, image.single_stage, "--target", "build")  # its steps are not run again for the next one
    engine.build(ROOT, image.name, "--build-arg", "REVISION=0123abc")
    return image
