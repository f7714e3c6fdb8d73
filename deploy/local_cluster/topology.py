"""The servers and the instances of one cluster, and everything that can be done to them."""

import functools
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from typing import Any

from deploy.local_cluster.control import Tell
from deploy.local_cluster.plan import PROJECT, STAFF_EMAIL, Plan, Secrets, instance_environment
from deploy.local_cluster.pods import Pod
from tests.servers.base import Keeper, Service, ServiceFailed
from tests.services import MongoServer, NginxServer, RedisServer, S3Server, Services, close_all

_MANAGE_WITHIN_S = 300


class NoSuchPod(Exception):
    """The number is not that of a pod."""


class Topology:
    """MongoDB, Redis, S3, the pods and nginx, as one thing."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._secrets = plan, Secrets()
        (plan.folder / "logs").mkdir()
        root = plan.folder
        self.mongo = MongoServer(3, root=root)
        self.redis = RedisServer(password=self._secrets.redis_password, persist=True, root=root)
        self.s3 = S3Server(root=root)
        self._servers: dict[str, Service] = {"MongoDB": self.mongo, "Redis": self.redis, "S3": self.s3}
        self._environment: dict[str, str] = {}
        self._keeper: Keeper | None = None
        self.pods: dict[int, Pod] = {}
        self.nginx = NginxServer([], port=plan.port, root=root)

    def open(self, tell: Tell) -> None:
        """Start everything, in the order in which it is needed.

        Raises:
            ServiceFailed: something did not come up; `close` is then the caller's.
        """
        self._environment = instance_environment(self._plan, self._secrets, {})
        steps: dict[str, Callable[[], object]] = {name: one.open for name, one in self._servers.items()}
        _together(steps | {"Static files": lambda: self._manage("collectstatic", "--noinput")}, tell)
        addresses = Services(tuple(self._servers.values())).environment
        self._environment = instance_environment(self._plan, self._secrets, addresses)
        _together({"Migrations": lambda: self._manage("migrate", "--noinput")}, tell)
        self._keeper = Keeper(self._plan.folder)
        numbers = range(1, self._plan.pods + 1)
        self.pods = {number: self._pod(number) for number in numbers}
        steps = {pod.name: pod.start for pod in self.pods.values()}
        _together(steps | {"Staff user": self._create_staff}, tell)
        self.nginx = NginxServer(self._ports(), port=self._plan.port, root=self._plan.folder)
        _together({"nginx": self.nginx.open}, tell)

    def close(self) -> None:
        """End everything: nginx first, so that no client meets a pod that is going."""
        self.nginx.close()
        if self._keeper is not None:
            self._keeper.close()
        close_all(list(self._servers.values()))

    def kill(self, number: int, tell: Tell) -> None:
        """End a pod as a crash would; it stays away until it is started."""
        pod = self._the(number)
        pod.process.kill()
        tell({"step": pod.name, "state": "killed"})

    def start(self, number: int, tell: Tell) -> None:
        """Start a pod that is not running, and have nginx forget its failures."""
        pod = self._the(number)
        if not pod.runs():
            _together({pod.name: pod.start}, tell)
            self.nginx.reload(self._ports())

    def roll(self, tell: Tell, number: int | None = None) -> None:
        """Replace every pod, or one, by a new process with no request lost and never fewer than the planned number.

        As orchestrators do it: one pod more carries the load meanwhile; a pod is told to end, which fails its
        readiness while it serves on (DRAIN_SECONDS); who watches readiness takes it out of the balancer; it ends when
        nothing comes any more. A pod that ends at once loses what it has in hand (tests/test_roll.py). nginx has to be
        told: by itself it notices refused connections only (max_fails), which it gives to another pod; but a POST on a
        kept connection that the pod closes in the same moment is lost, because nginx does not repeat what was sent.
        """
        chosen = list(self.pods.values()) if number is None else [self._the(number)]
        extra = self._pod(self._plan.pods + 1)
        _together({extra.name: extra.start}, tell)
        try:
            self.nginx.reload([*self._ports(), extra.port])
            for pod in chosen:
                _together({f"{pod.name} drained": functools.partial(self._drain, pod, extra)}, tell)
                _together({pod.name: pod.start}, tell)  # nginx gets it back with the next change
            _together({f"{extra.name} drained": functools.partial(self._drain, extra, extra)}, tell)
        finally:
            extra.stop()
            self.nginx.reload(self._ports())
        tell({"step": "roll", "state": "ready", "note": f"{len(chosen)} pods replaced"})

    def _drain(self, pod: Pod, extra: Pod) -> None:
        """Return when the pod has ended; nginx is told as soon as the pod is not ready."""
        pod.tell_to_end()
        pod.wait_until_unready()
        self.nginx.reload([*self._ports(), extra.port], resting=[pod.port])
        pod.stop()

    def state(self) -> dict[str, Any]:
        """Return addresses, process ids and the staff login."""
        return {
            "url": self._plan.url,
            "staff": {"email": STAFF_EMAIL, "password": self._secrets.staff_password},
            "pods": {pod.name: f"http://127.0.0.1:{pod.port}" for pod in self.pods.values()},
            "mongodb_uri": self.mongo.uri,
            "redis_url": self.redis.url,
            "s3": {"endpoint": self.s3.endpoint, "bucket": self.s3.bucket},
            "nginx_status": f"http://127.0.0.1:{self.nginx.status_port}/nginx_status",
            "logs": str(self._plan.folder / "logs"),
            "pids": {member.name: member.pid for member in self.mongo.members}
            | {pod.name: pod.process.pid for pod in self.pods.values()}
            | {"redis-server": self.redis.pid, "seaweedfs": self.s3.pid, "nginx": self.nginx.process.pid},
        }

    def secrets(self) -> dict[str, str]:
        """Return what was made for this cluster."""
        return asdict(self._secrets)

    def status(self) -> list[dict[str, Any]]:
        """Return a row for each pod."""
        with ThreadPoolExecutor(len(self.pods)) as pool:
            return list(pool.map(Pod.status, self.pods.values()))

    def _pod(self, number: int) -> Pod:
        if self._keeper is None:
            raise ServiceFailed("the cluster is not open")
        return Pod(number, self._plan, self._keeper, self._environment, cwd=PROJECT)

    def _the(self, number: int) -> Pod:
        try:
            return self.pods[number]
        except KeyError:
            raise NoSuchPod(f"there is no pod {number}; the pods are 1 to {len(self.pods)}") from None

    def _ports(self) -> list[int]:
        return [pod.port for pod in self.pods.values()]

    def _create_staff(self) -> None:
        self._manage(
            *("createsuperuser", "--noinput"),
            DJANGO_SUPERUSER_EMAIL=STAFF_EMAIL,
            DJANGO_SUPERUSER_PASSWORD=self._secrets.staff_password,
        )

    def _manage(self, *arguments: str, **variables: str) -> None:
        done = subprocess.run(
            [*self._plan.manage_command, *arguments],
            cwd=PROJECT,
            env={**self._environment, "INSTANCE_ID": f"manage-{arguments[0]}", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_MANAGE_WITHIN_S,
        )
        output = done.stdout + done.stderr
        (self._plan.folder / "logs" / f"{arguments[0]}.log").write_text(output)
        if done.returncode:
            raise ServiceFailed(f"{arguments[0]} ended with code {done.returncode}:\n{output[-2000:].strip()}")


def _together(steps: dict[str, Callable[[], object]], tell: Tell) -> None:
    """Run the steps at the same time and tell when each begins and how it ends."""

    def run(name: str) -> tuple[str, float]:
        began = time.monotonic()
        steps[name]()
        return name, time.monotonic() - began

    for name in steps:
        tell({"step": name, "state": "starting"})
    with ThreadPoolExecutor(len(steps)) as pool:
        for done in as_completed([pool.submit(run, name) for name in steps]):
            name, seconds = done.result()
            tell({"step": name, "state": "ready", "seconds": round(seconds, 2)})
