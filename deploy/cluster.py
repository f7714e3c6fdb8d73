"""The whole topology on this machine: three MongoDBs, Redis, S3, the instances, and nginx before them.

    python -m deploy.cluster up | down | status [--json] | kill N | start N | roll [N]

Exit codes: 0 done, 1 not done (the sentence says why). CLUSTER_PODS (3), CLUSTER_PORT (8080),
CLUSTER_FIRST_POD_PORT (5001) and CLUSTER_FOLDER (.cluster) change what is started.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import IO, cast

from deploy.local_cluster import display
from deploy.local_cluster.control import Event, NotRunning, ask
from deploy.local_cluster.plan import PROJECT, Plan
from deploy.local_cluster.supervisor import already_runs, remove_folder

_ENDED_WITHIN_S = 60


def main(arguments: list[str] | None = None) -> int:
    """Do one command and return its exit code."""
    asked = _parser().parse_args(arguments)
    try:
        plan = Plan.from_environment()
    except ValueError as error:
        return _refused(str(error))
    if asked.command == "up":
        return _up(plan)
    try:
        if asked.command == "status":
            return _status(plan, as_json=asked.json)
        question = {"do": asked.command} | ({"pod": asked.pod} if "pod" in asked else {})
        code = _follow(ask(plan.control_address, question))
    except NotRunning:
        if asked.command == "down":
            return _down_already(plan)
        return _refused("No cluster is running: start one with `make cluster`.")
    if asked.command == "down":
        print("The cluster has ended and its folder is removed.")
    return code


def _up(plan: Plan) -> int:
    """Start the process that keeps the cluster and show how it gets on; Ctrl-C calls the start off."""
    if _runs(plan):
        return _refused(already_runs(plan))
    argv = [sys.executable, "-m", "deploy.local_cluster.supervisor"]
    supervisor = subprocess.Popen(
        argv, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    )
    print(f"Starting {plan.pods} instances behind nginx on {plan.url}", flush=True)
    try:
        with cast(IO[bytes], supervisor.stdout) as lines:
            code = _follow(json.loads(line) for line in lines)
    except KeyboardInterrupt:
        print("\nStopping what was started …", flush=True)
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(_ENDED_WITHIN_S)
        return 130
    if code:
        supervisor.wait(_ENDED_WITHIN_S)
    supervisor.returncode = supervisor.returncode or 0  # it lives on; that we leave it is no mistake to warn of
    return code


def _runs(plan: Plan) -> bool:
    try:
        next(ask(plan.control_address, {"do": "status"}), None)
    except NotRunning:
        return False
    return True


def _follow(events: Iterable[Event]) -> int:
    """Show events until one says how it ended."""
    progress = display.Progress()
    for event in events:
        if event["state"] in {"failed", "up", "done"}:
            progress.end()
        match event["state"]:
            case "failed":
                return _refused(event["message"])
            case "up":
                print(f"\nAll is up.\n\n{display.addresses(event)}")
                return 0
            case "done":
                return 0
            case _:
                progress.show(event)
    return 0


def _status(plan: Plan, *, as_json: bool) -> int:
    for event in _shown(ask(plan.control_address, {"do": "status"})):
        if event["state"] == "failed":
            return _refused(event["message"])
        if as_json:
            print(json.dumps(event, indent=2))
        else:
            print(f"{display.table(event['rows'])}\n\n{display.addresses(event)}")
    return 0


def _shown(events: Iterator[Event]) -> Iterator[Event]:
    return (event for event in events if event["state"] in {"status", "failed"})


def _down_already(plan: Plan) -> int:
    """Nothing runs; remove what a crash of the machine, or a failed start, left in the folder."""
    if remove_folder(plan.folder):
        print(f"No cluster was running; {plan.folder}, left behind by one, is removed.")
    else:
        print("No cluster is running.")
    return 0


def _refused(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything and return when it is ready")
    commands.add_parser("down", help="end everything and remove its folder")
    status = commands.add_parser("status", help="show each instance")
    status.add_argument("--json", action="store_true", help="for programs")
    for name, what in (
        ("kill", "end an instance as a crash would"),
        ("start", "start a killed instance again"),
    ):
        commands.add_parser(name, help=what).add_argument("pod", type=int, help="its number, from 1")
    roll = commands.add_parser("roll", help="replace every instance, one by one, losing no request")
    roll.add_argument("pod", type=int, nargs="?", help="only this one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
