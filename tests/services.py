"""The real servers, started for as long as a `with` lasts.

    with start(mongo=3, redis=True, s3=True) as services:
        services.mongo.primary.kill()

Each runs on free ports of 127.0.0.1 with its data in a new temporary folder. However the process that
started them ends, SIGKILL included, nothing is left running and no folder is left behind.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.servers.base import Process, Service, ServiceFailed, ServiceMissing
from tests.servers.mongo import Member, MongoServer
from tests.servers.nginx import NginxServer
from tests.servers.redis import RedisServer
from tests.servers.s3 import S3Server

_S = TypeVar("_S", bound=Service)

__all__ = [
    "Member",
    "MongoServer",
    "NginxServer",
    "Process",
    "RedisServer",
    "S3Server",
    "Service",
    "ServiceFailed",
    "ServiceMissing",
    "Services",
    "start",
]


@dataclass(frozen=True)
class Services:
    """The servers that were asked for."""

    every: tuple[Service, ...]

    @property
    def mongo(self) -> MongoServer:
        """The replica set."""
        return self._the(MongoServer)

    @property
    def redis(self) -> RedisServer:
        """The Redis."""
        return self._the(RedisServer)

    @property
    def s3(self) -> S3Server:
        """The object store."""
        return self._the(S3Server)

    @property
    def nginx(self) -> NginxServer:
        """The proxy."""
        return self._the(NginxServer)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make an instance use these servers."""
        variables: dict[str, str] = {}
        for service in self.every:
            match service:
                case MongoServer():
                    variables |= {"MONGODB_URI": service.uri}
                case RedisServer():
                    variables |= {"REDIS_ENABLED": "true", "REDIS_URL": service.url}
                case S3Server():
                    variables |= {
                        "USE_S3": "true",
                        "S3_BUCKET": service.bucket,
                        "S3_ENDPOINT_URL": service.endpoint,
                        "AWS_REGION": "us-east-1",
                        "AWS_ACCESS_KEY_ID": service.access_key,
                        "AWS_SECRET_ACCESS_KEY": service.secret_key,
                    }
        return variables

    def _the(self, kind: type[_S]) -> _S:
        for service in self.every:
            if isinstance(service, kind):
                return service
        raise LookupError(f"start() was not asked for a {kind.__name__}")


@contextmanager
def start(
    *,
    mongo: int = 0,
    redis: bool = False,
    s3: bool = False,
    pods: Sequence[int] = (),
    root: Path | None = None,
) -> Iterator[Services]:
    """Start what is asked for, all at once: `mongo` members, and nginx before the ports in `pods`.

    Raises:
        ServiceMissing: a program is not installed; nothing was started.
        ServiceFailed: one did not come up; the others have been ended again.
    """
    wanted: list[Service] = []
    wanted += [MongoServer(mongo, root=root)] if mongo else []
    wanted += [RedisServer(root=root)] if redis else []
    wanted += [S3Server(root=root)] if s3 else []
    wanted += [NginxServer(pods, root=root)] if pods else []
    try:
        open_all(wanted)
        yield Services(tuple(wanted))
    finally:
        close_all(wanted)


def open_all(services: Sequence[Service]) -> None:
    """Open all at the same time; the first failure ends the others' waiting, and is raised."""
    if not services:
        return
    with ThreadPoolExecutor(len(services)) as pool:
        try:
            for opened in as_completed([pool.submit(service.open) for service in services]):
                opened.result()
        except BaseException:
            close_all(services)  # inside the pool, whose end waits for threads that wait for servers
            raise


def close_all(services: Sequence[Service]) -> None:
    """Close all at the same time."""
    if services:
        with ThreadPoolExecutor(len(services)) as pool:
            list(pool.map(lambda service: service.close(), services))
