"""What every server has in common: a keeper, a folder, processes, and a wait until it answers."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.servers.ports import ReservedPorts

READY_WITHIN_S = 30.0
_LOG_TAIL = 2000


class ServiceMissing(RuntimeError):
    """A program that a server needs is not installed; the message says what to install."""


class ServiceFailed(RuntimeError):
    """A server ended, or did not answer in time; the message ends with the tail of its log."""


def program(name: str, *, install: str, also: tuple[Path, ...] = ()) -> str:
    """Return the path of a program: on PATH, beside this Python, or in one of the places in `also`.

    Raises:
        ServiceMissing: it is in none of them.
    """
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    for place in (Path(sys.executable).parent / name, *also):
        if found is None and place.is_file():
            found = str(place)
    if found is None:
        raise ServiceMissing(f'{name} is missing: run "{install}"')
    return found


def wait_until(check: Callable[[], bool], *, within_s: float, failure: Callable[[], str]) -> None:
    """Return as soon as `check` is true.

    Raises:
        ServiceFailed: it was not, for `within_s`.
    """
    deadline = time.monotonic() + within_s
    while not check():
        if time.monotonic() > deadline:
            raise ServiceFailed(failure())
        time.sleep(0.02)


class Keeper:
    """The owner's side of keeper.py: start, signal and poll processes by id."""

    def __init__(self, root: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair()
        script = Path(__file__).with_name("keeper.py")
        argv = [sys.executable, "-IS", str(script), str(os.getpid()), str(root or tempfile.gettempdir())]
        with theirs:
            self._process = subprocess.Popen(
                argv, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, start_new_session=True, cwd="/"
            )
        self._lines = self._socket.makefile("rb")
        self.ports = ReservedPorts()
        self.folder = Path(_understood(self._lines.readline())["folder"])

    def ask(self, **question: Any) -> dict[str, Any]:
        """Send one question and return its answer.

        Raises:
            ServiceFailed: the keeper was closed meanwhile, or could not do it.
        """
        with self._lock:
            try:
                self._socket.sendall(json.dumps(question).encode() + b"\n")
                line = self._lines.readline()
            except OSError as error:
                raise ServiceFailed("the server was closed while it was being used") from error
            except BaseException:  # Ctrl-C: the answer would be taken for the next question's
                self._hang_up()
                raise
        return _understood(line)

    def close(self) -> None:
        """Return when every process has ended and the folder is gone; safe to repeat."""
        self._hang_up()
        self._process.wait()
        self._lines.close()
        self._socket.close()
        self.ports.release()

    def _hang_up(self) -> None:
        with suppress(OSError):  # closed before
            self._socket.shutdown(socket.SHUT_RDWR)  # also ends the copies that a fork has made


def _understood(line: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(line) if line else {"error": "the server was closed meanwhile"}
    if "error" in answer:
        raise ServiceFailed(answer["error"])
    return answer


class Process:
    """One server process, started again on the same data and ports as often as a test likes."""

    def __init__(
        self,
        keeper: Keeper,
        name: str,
        command: Callable[[list[int]], list[str]],
        *,
        answers: Callable[[], bool],
        port: int | None = None,
        ports: int = 1,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
        grace_s: float = 10.0,
    ) -> None:
        self.name = name
        self.log = log or keeper.folder / f"{name}.log"
        self.pid = 0
        self.ports: list[int] = [] if port is None else [port]
        self._keeper, self._command, self._answers, self._count = keeper, command, answers, ports
        self._env, self._cwd, self._grace_s = env, cwd or keeper.folder, grace_s

    @property
    def port(self) -> int:
        """The port that clients use."""
        return self.ports[0]

    def start(self, *, within_s: float = READY_WITHIN_S) -> None:
        """Start it and return when it answers; new ports are tried when a chosen one was taken.

        Raises:
            ServiceFailed: it ended or stayed silent.
        """
        chosen_here = not self.ports
        for attempts_left in (4, 3, 2, 1, 0):
            if chosen_here:
                self.ports = self._keeper.ports.take(self._count)
            logged_before = self.log.stat().st_size if self.log.exists() else 0
            self.launch()
            try:
                self.wait_ready(within_s=within_s)
            except ServiceFailed:
                taken = b"ddress already in use" in self.log.read_bytes()[logged_before:]
                if not (taken and chosen_here and attempts_left):
                    raise
            else:
                return

    def launch(self) -> None:
        """Start it without waiting."""
        answer = self._keeper.ask(
            do="start",
            argv=self._command(self.ports),
            log=str(self.log),
            cwd=str(self._cwd),
            env=self._env,
            grace=self._grace_s,
        )
        self.pid = answer["pid"]

    def wait_ready(self, *, within_s: float = READY_WITHIN_S) -> None:
        """Return when it answers.

        Raises:
            ServiceFailed: it ended or stayed silent.
        """

        def ready() -> bool:
            if (code := self.exit_code()) is not None:
                raise ServiceFailed(f"{self.name} ended with code {code}; {self._log_tail()}")
            return self._answers()

        wait_until(
            ready,
            within_s=within_s,
            failure=lambda: f"{self.name} did not answer within {within_s:g} s; {self._log_tail()}",
        )

    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when a signal ended it."""
        code: int | None = self._keeper.ask(do="poll", pid=self.pid)["code"]
        return code

    def signal(self, number: signal.Signals, *, whole_group: bool = True) -> None:
        """Signal the process, and what it forked as well; nothing happens when it has ended."""
        self._keeper.ask(do="signal", pid=self.pid, number=int(number), whole_group=whole_group)

    def stop(self, *, within_s: float | None = None) -> int:
        """Ask it to end, insist after `within_s`, and return its exit code."""
        self.signal(signal.SIGTERM, whole_group=False)
        self.signal(signal.SIGCONT)
        deadline = time.monotonic() + (self._grace_s if within_s is None else within_s)
        while (code := self.exit_code()) is None:
            if time.monotonic() > deadline:
                return self.kill()
            time.sleep(0.02)
        return code

    def kill(self) -> int:
        """End it at once, as a crash would, and return its exit code."""
        self.signal(signal.SIGKILL)
        while (code := self.exit_code()) is None:
            time.sleep(0.005)
        return code

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay open and nothing is answered."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self.signal(signal.SIGCONT)

    def _log_tail(self) -> str:
        text = self.log.read_bytes()[-_LOG_TAIL:].decode(errors="replace").strip()
        return f"the end of its log:\n{text}" if text else "its log is empty"


class Service(ABC):
    """A server, or a set of them, that is open inside a `with`."""

    def __init__(self, root: Path | None = None) -> None:
        """Hold no resource yet: data will lie in a new folder below `root`, else below /tmp."""
        self._root = root
        self._keeper: Keeper | None = None
        self._closed = False

    @abstractmethod
    def _start(self, keeper: Keeper) -> None:
        """Start every process and return when the service answers."""

    @property
    def keeper(self) -> Keeper:
        """The keeper of an open service."""
        if self._keeper is None:
            raise ServiceFailed(f"{type(self).__name__} is not open")
        return self._keeper

    @property
    def folder(self) -> Path:
        """Where its data, logs and configuration lie while it is open."""
        return self.keeper.folder

    def open(self) -> None:
        """Start, or leave nothing behind."""
        try:
            self._keeper = Keeper(self._root)
            if self._closed:  # by another thread, which found no keeper to close
                self._keeper.close()
            self._start(self._keeper)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End every process and remove the folder; safe to repeat and from any thread."""
        self._closed = True
        if self._keeper is not None:
            self._keeper.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
