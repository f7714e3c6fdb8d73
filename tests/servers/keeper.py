"""A process that starts servers for one owner and leaves nothing behind when the owner is gone.

It runs beside its owner, as the parent of the servers, in a session of its own: Ctrl-C does not
reach it, and however the owner ends (return, exception, signal, SIGKILL) the keeper sees its socket
close or its pidfd fire, ends the servers and removes their folder. Signals are sent here, to
children not yet reaped, so an id is never one that the kernel has given to somebody else.

Its own SIGKILL is the one gap: PR_SET_PDEATHSIG then ends each server, but not the workers of one
that forks (nginx), and the folder stays.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl


def _die_with_the_keeper() -> None:
    """Safe between fork and exec, because the keeper has one thread and looked prctl up before."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A server and everything it forks, as one process group."""

    def __init__(self, argv: list[str], log: str, cwd: str, env: dict[str, str] | None, grace: float) -> None:
        self.grace = grace
        self.exit_code: int | None = None
        with Path(log).open("ab") as output:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
                start_new_session=True,
                preexec_fn=_die_with_the_keeper,  # noqa: PLW1509  (one thread)
            )
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, once; the rest of the group dies before its leader is reaped."""
        if self.exit_code is None and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.exit_code = self._process.wait()
        return self.exit_code

    def signal(self, number: int, *, whole_group: bool = True) -> None:
        """Signal the first process or all, unless it has ended."""
        if self.poll() is None:
            (os.killpg if whole_group else os.kill)(self.pid, number)


class Keeper:
    def __init__(self, root: str) -> None:
        self.folder = tempfile.mkdtemp(prefix="nocturnal-", dir=root)
        self.children: dict[int, Child] = {}
        self.litter: list[str] = []

    def answer(self, ask: dict[str, Any]) -> dict[str, Any]:
        """Do what one line asks for."""
        match ask.pop("do"):
            case "start":
                child = Child(**ask)
                self.children[child.pid] = child
                return {"pid": child.pid}
            case "signal":
                self.children[ask["pid"]].signal(ask["number"], whole_group=ask["whole_group"])
            case "poll":
                return {"code": self.children[ask["pid"]].poll()}
            case "litter":
                self.litter += ask["paths"]
        return {}

    def end(self) -> None:
        """End every child, politely while its grace lasts, then remove folder and litter."""
        began = time.monotonic()
        for child in self.children.values():
            child.signal(signal.SIGTERM, whole_group=False)
            child.signal(signal.SIGCONT)  # a frozen process gets its SIGTERM only now
        while running := [child for child in self.children.values() if child.poll() is None]:
            for child in running:
                if time.monotonic() - began >= child.grace:
                    child.signal(signal.SIGKILL)
            time.sleep(0.01)
        for path in self.litter:
            Path(path).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def serve(keeper: Keeper, owner: int) -> None:
    """Answer line by line until the owner closes the socket or is no more."""
    owner_end = os.pidfd_open(owner)
    if os.getppid() != owner:  # it died first, and the pidfd may be a stranger's
        return
    os.write(0, json.dumps({"folder": keeper.folder}).encode() + b"\n")
    pending = b""
    while owner_end not in select.select([0, owner_end], [], [])[0]:
        received = os.read(0, 65536)
        if not received:
            return
        *lines, pending = (pending + received).split(b"\n")
        for line in lines:
            try:
                reply = keeper.answer(json.loads(line))
            except (OSError, KeyError) as error:
                reply = {"error": str(error)}
            os.write(0, json.dumps(reply).encode() + b"\n")


def _leave(*_: object) -> None:
    raise SystemExit(1)


def main() -> None:
    """Serve the owner named by the arguments; clean up whatever ends it."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    keeper = Keeper(root=sys.argv[2])
    try:
        serve(keeper, owner=int(sys.argv[1]))
    except (BrokenPipeError, ConnectionResetError, ProcessLookupError):
        pass  # the owner went away in the middle of a sentence
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        keeper.end()


if __name__ == "__main__":
    main()
