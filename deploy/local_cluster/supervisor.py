"""The process that keeps a cluster: parent of everything, deaf to Ctrl-C, gone with `make cluster-down`.

When it dies in any other way, the keepers of its servers see it and clean up after it.
"""

import contextlib
import errno
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from deploy.local_cluster.control import ControlServer, Event, Tell
from deploy.local_cluster.plan import Plan
from deploy.local_cluster.topology import NoSuchPod, Topology
from tests.servers.base import ServiceFailed, ServiceMissing
from tests.servers.ports import is_free

MARKER = "nocturnal-cluster"  # a folder without it is not ours to remove
_PORTS_FREE_WITHIN_S = 15.0  # an earlier cluster that was killed may still be ending


class Supervisor:
    """One change at a time; status is answered meanwhile."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._topology: Topology | None = None
        self._changing = threading.Lock()
        self._ending = threading.Event()
        self._ended = threading.Event()

    def run(self, tell: Tell) -> int:
        """Start the cluster, keep it until it is told to end, and return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._ending.set())
        try:
            control = ControlServer(self._plan.control_address, self._answer)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            tell({"state": "failed", "message": already_runs(self._plan)})
            return 1
        threading.Thread(target=control.serve_forever, daemon=True).start()
        try:
            self._open(tell)
        except (ServiceFailed, ServiceMissing, OSError) as error:
            nobody_waits = self._ending.is_set() or isinstance(error, BrokenPipeError)
            self._close(keep_logs=not nobody_waits)
            with contextlib.suppress(BrokenPipeError):
                tell({"state": "failed", "message": str(error)})
            return 1
        self._ending.wait()
        with self._changing:
            self._close()
        self._ended.set()
        return 0

    def _open(self, tell: Tell) -> None:
        with self._changing:
            make_folder(self._plan.folder)
            self._topology = Topology(self._plan)
            self._require_free_ports()
            self._move_stderr()
            self._topology.open(self._unless_ending(tell))
            self._write("state.json", self._topology.state() | {"supervisor": os.getpid()})
            self._write("secrets.json", self._topology.secrets())
        tell({"state": "up", **self._topology.state()})

    def _unless_ending(self, tell: Tell) -> Tell:
        """A start that nobody waits for any more is given up at its next step."""

        def checked(event: Event) -> None:
            if self._ending.is_set():
                raise ServiceFailed("the start was called off")
            tell(event)

        return checked

    def _answer(self, question: Event, tell: Tell) -> None:
        topology = self._topology
        if question["do"] == "down":
            self._ending.set()
            self._ended.wait()
            return
        if topology is None or (self._changing.locked() and question["do"] != "status"):
            tell({"state": "failed", "message": "The cluster is busy; try again in a moment."})
            return
        try:
            self._change(topology, question, tell)
        except (ServiceFailed, NoSuchPod) as error:
            tell({"state": "failed", "message": str(error)})
        else:
            tell({"state": "done"})

    def _change(self, topology: Topology, question: Event, tell: Tell) -> None:
        if question["do"] == "status":
            tell({"state": "status", "rows": topology.status(), **topology.state()})
            return
        with self._changing:
            match question["do"]:
                case "kill":
                    topology.kill(question["pod"], tell)
                case "start":
                    topology.start(question["pod"], tell)
                case "roll":
                    topology.roll(tell, question.get("pod"))
            self._write("state.json", topology.state() | {"supervisor": os.getpid()})

    def _close(self, *, keep_logs: bool = False) -> None:
        if self._topology is not None:
            self._topology.close()
            self._topology = None
            if not keep_logs:
                shutil.rmtree(self._plan.folder, ignore_errors=True)

    def _require_free_ports(self) -> None:
        wanted = [self._plan.port, *(self._plan.pod_port(n + 1) for n in range(self._plan.pods))]
        deadline = time.monotonic() + _PORTS_FREE_WITHIN_S
        while taken := [port for port in wanted if not is_free(port)]:
            if time.monotonic() > deadline:
                hint = "set CLUSTER_PORT" if taken[0] == self._plan.port else "set CLUSTER_FIRST_POD_PORT"
                raise ServiceFailed(f"port {taken[0]} of 127.0.0.1 is taken: stop who listens there, or {hint}")
            time.sleep(0.2)

    def _move_stderr(self) -> None:
        """What goes wrong from here on is written down, not sent to a terminal that has gone."""
        with (self._plan.folder / "logs" / "supervisor.log").open("ab") as log:
            os.dup2(log.fileno(), 2)

    def _write(self, name: str, facts: Event) -> None:
        file = self._plan.folder / name
        file.touch(mode=0o600)
        file.write_text(json.dumps(facts, indent=2) + "\n")


def already_runs(plan: Plan) -> str:
    """Return the sentence that a second `make cluster` gets."""
    return f"A cluster already runs in {plan.folder}: see `make cluster-status`, end it by `make cluster-down`."


def make_folder(folder: Path) -> None:
    """Make the folder, in place of one that a cluster left behind when the machine went down.

    Raises:
        ServiceFailed: there is a folder that no cluster made.
    """
    if folder.exists() and not remove_folder(folder):
        raise ServiceFailed(f"{folder} is there and is not a cluster's; move it, or set CLUSTER_FOLDER")
    folder.mkdir(mode=0o700)
    (folder / MARKER).touch()


def remove_folder(folder: Path) -> bool:
    """Remove what a cluster left behind, and nothing that a cluster did not make."""
    if not (folder / MARKER).exists():
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def main() -> None:
    """Run, with progress as lines of JSON on standard output while somebody reads it."""

    def tell(event: Event) -> None:
        print(json.dumps(event), flush=True)

    sys.exit(Supervisor(Plan.from_environment()).run(tell))


if __name__ == "__main__":
    main()
