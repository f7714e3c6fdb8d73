"""The programs of `.venv/infrastructure`, which `make test` installs from requirements/infrastructure.txt."""

import sys
from pathlib import Path

from tests.servers.base import ServiceMissing


def infrastructure(name: str) -> str:
    """Return the path of a program there.

    Raises:
        ServiceMissing: it is not installed.
    """
    found = Path(sys.prefix, "infrastructure", "bin", name)
    if not found.exists():
        raise ServiceMissing(f'{name} is missing: run "make .venv/infrastructure.installed"')
    return str(found)
