"""One engine, its base images and the image under test, made once for all tests of this folder."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docker import bases
from tests.docker.engine import DockerEngine
from tests.docker.stack import Stack

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Image:
    """The image under test, and the one of the stage that built it."""

    engine: DockerEngine
    name: str = "nocturnal:test"
    single_stage: str = "nocturnal:single-stage"


@pytest.fixture(scope="package")
def engine() -> Iterator[DockerEngine]:
    """A Docker engine of the tests' own; without root there is none, and the error says so."""
    with DockerEngine() as opened:
        yield opened


@pytest.fixture(scope="package")
def python_base(engine: DockerEngine) -> None:
    """What every other image here is made from."""
    bases.make_python(engine)


@pytest.fixture(scope="package")
def servers_on_their_way(engine: DockerEngine, python_base: None) -> Iterator[Future[None]]:
    """The servers' image, made while the image under test is."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(bases.make_servers, engine)


@pytest.fixture(scope="package")
def image(engine: DockerEngine, servers_on_their_way: Future[None]) -> Image:
    """The image, built from the working folder as deploy/README.md says."""
    image = Image(engine)
    engine.build(ROOT, image.single_stage, "--target", "build")  # its steps are not run again for the next one
    engine.build(ROOT, image.name, "--build-arg", "REVISION=0123abc")
    return image


@pytest.fixture(scope="package")
def stack(image: Image, servers_on_their_way: Future[None]) -> Iterator[Stack]:
    """Everything of docker-compose.yml, with three instances that are healthy."""
    servers_on_their_way.result()
    with Stack(image.engine, image.name) as running:
        yield running
