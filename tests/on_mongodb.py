"""Runs the tests with MongoDB as the project's database: ``python -m tests.on_mongodb [pytest's arguments]``.

A replica set of one is started for it and ended with it; with MONGODB_URI set, that server is used instead.
"""

import os
import subprocess
import sys
from contextlib import nullcontext

from tests.services import MongoServer


def main(arguments: list[str]) -> int:
    """Run pytest in a process of its own, because settings are read once, and return its exit code."""
    given = os.environ.get("MONGODB_URI")
    with nullcontext() if given else MongoServer(replicas=1) as server:
        uri = given or server.uri  # type: ignore[union-attr]  # a server of ours where none is given
        command = [sys.executable, *os.environ.get("PYTHON_RUNS_TESTS_WITH", "-m pytest").split(), *arguments]
        return subprocess.run(command, env=os.environ | {"MONGODB_URI": uri}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
