"""The product on a free port of this machine, served as `make run` serves it.

``with live_server(data_dir=tmp_path / "data", variables={"LOG_FORMAT": "json"}) as server:`` and then ask
``server.url``. Nothing of the developer's own environment reaches it, and it is stopped whatever happens.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

ROOT = Path(__file__).resolve().parent.parent
MIGRATE = ("manage.py", "migrate", "--noinput", "--verbosity", "0")
SERVE = ("-m", "nocturnal_project.serve")
_START_SECONDS = 60
_STOP_SECONDS = 45  # longer than the grace of requests that run
_INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
# No proxy of the environment stands between a test and 127.0.0.1.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """What came back, and how long it took."""

    status: int
    headers: Message
    body: Any
    seconds: float


class LiveServer:
    """One process of the product, which can be stopped and started again on the same port and data."""

    def __init__(self, *, data_dir: Path, variables: Mapping[str, str] | None = None) -> None:
        """Choose a port; nothing runs yet. ``variables`` are the server's whole configuration."""
        data_dir.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = data_dir / "server.log"
        self.environment = {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
            "HOME": str(data_dir),
            "DATA_DIR": str(data_dir),
            "DOTENV": "",
            "PORT": str(self.port),
            **(variables or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the master; signals for the server go there."""
        assert self._process, "The server is not running."
        return self._process.pid

    def migrate(self) -> None:
        """Bring the database up to date; its output goes to the server's log."""
        with self.log_path.open("ab") as log:
            subprocess.run(
                [sys.executable, *MIGRATE],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                timeout=_START_SECONDS,
                check=True,
            )

    def start(self, *, migrate: bool = True, wait_for: str = "/api/health/ready") -> None:
        """Migrate unless told otherwise, serve, and return when ``wait_for`` answers 200.

        Raises:
            AssertionError: it ended or did not answer so in time; with the end of its log.
        """
        if migrate:
            self.migrate()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *SERVE],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a group of its own, so that the worker goes with its master
            )
        try:
            self._wait_until_it_answers(self._process, wait_for)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> int:
        """End the server as an orchestrator does and return its exit code; killed when it does not end in time."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(_STOP_SECONDS)
            raise AssertionError(f"The server ignored SIGTERM for {_STOP_SECONDS} s.\n{self.log_tail()}") from None

    def kill(self) -> None:
        """End master and worker at once, as a machine that loses its power."""
        process, self._process = self._process, None
        assert process, "The server is not running."
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_STOP_SECONDS)

    def wait(self, within_s: float) -> int:
        """Return the exit code once it has ended by itself, or because a signal told it to.

        Raises:
            TimeoutExpired: it goes on.
        """
        assert self._process, "The server is not running."
        return self._process.wait(within_s)

    def log_tail(self, lines: int = 40) -> str:
        """Return the last lines that the server wrote."""
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def ask(
        self,
        path: str,
        body: Any = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 30,
    ) -> Answer:
        """Send one request, bytes as they are and anything else as JSON, and return the answer.

        Raises:
            OSError: there was none: refused, cut off, or not in time.
        """
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(f"{self.url}{path}", data, sent, method=method)
        started = time.monotonic()
        try:
            with _direct.open(request, timeout=timeout_s) as answer:
                status, got, content = answer.status, answer.headers, answer.read()
        except HTTPError as error:
            with error:
                status, got, content = error.code, error.headers, error.read()
        return Answer(status, got, json.loads(content) if content else None, time.monotonic() - started)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], path: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers(path):
            try:
                code = process.wait(0.05)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline, f"{path}: not after {_START_SECONDS} s.\n{self.log_tail()}"
            else:
                raise AssertionError(f"The server ended with {code}.\n{self.log_tail()}")

    def _answers(self, path: str) -> bool:
        try:
            with _direct.open(f"{self.url}{path}", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


@contextmanager
def live_server(
    *,
    data_dir: Path,
    variables: Mapping[str, str] | None = None,
    migrate: bool = True,
    wait_for: str = "/api/health/ready",
) -> Iterator[LiveServer]:
    """Serve the product while the block runs; a test that fails is shown the end of the server's log."""
    server = LiveServer(data_dir=data_dir, variables=variables)
    server.start(migrate=migrate, wait_for=wait_for)
    try:
        yield server
    except BaseException as error:
        error.add_note(f"The end of the server's log:\n{server.log_tail()}")
        raise
    finally:
        server.stop()


@contextmanager
def live_servers(
    folder: Path, instances: Mapping[str, Mapping[str, str]], *, migrate: Collection[str]
) -> Iterator[list[LiveServer]]:
    """Serve several, each with the variables under its name, started together after those in ``migrate`` migrated.

    They have one public address, because it is the issuer of the tokens that each takes from the others.
    """
    servers = {
        name: LiveServer(data_dir=folder / name, variables={"PUBLIC_URL": "http://127.0.0.1", **variables})
        for name, variables in instances.items()
    }
    every = list(servers.values())
    try:
        with ThreadPoolExecutor(len(every)) as pool:
            list(pool.map(LiveServer.migrate, [servers[name] for name in migrate]))
            list(pool.map(lambda server: server.start(migrate=False), every))
        yield every
    except BaseException as error:
        for name, server in servers.items():
            error.add_note(f"The end of the log of {name}:\n{server.log_tail()}")
        raise
    finally:
        with ThreadPoolExecutor(len(every)) as pool:
            list(pool.map(LiveServer.stop, every))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
