# ruff: noqa: INP001  a program by itself, in an image
"""Ask the instance in this container: ``python healthcheck.py [live|ready]``. Exit code: 0 when it says yes, else 1.

Docker is answered about the process alone, because some orchestrators replace what is unhealthy, and that mends no
database. What sends traffic asks for ``ready``.
"""

import http.client
import os
import sys

_SECONDS = 4  # below Docker's own limit, so that the reason is in its log


def main(probe: str) -> int:
    """Print what is answered, which `docker inspect` shows, and return the exit code."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 5000), timeout=_SECONDS)
    try:
        connection.request("GET", f"/api/health/{probe}")
        answer = connection.getresponse()
        sys.stdout.write(answer.read().decode())
    except (OSError, http.client.HTTPException) as error:
        sys.stdout.write(f"{type(error).__name__}: {error}")
        return 1
    return 0 if answer.status == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["live"]))
