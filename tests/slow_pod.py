"""One instance as the test of a roll starts it: the product behind its server, with what the product itself lacks.

Requests whose id begins with ``rollout-slow-`` take 2 s more, half of it after the application has done its work: what
is cut off or repeated then has had its effect. While the file that ``ROLL_WITHOUT_DRAIN`` names is there, SIGTERM ends
the worker on the spot, as it does any program that knows nothing of a drain.
"""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nocturnal_project import serve
from nocturnal_project.serving import with_gunicorn

_HALF_SECONDS = 1.0


def _slowed(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        pause = _HALF_SECONDS if environ.get("HTTP_X_REQUEST_ID", "").startswith("rollout-slow-") else 0.0
        time.sleep(pause)
        response = application(environ, start_response)
        time.sleep(pause)
        return response

    return answer


class _Gunicorn(with_gunicorn._Gunicorn):
    def load(self) -> Any:
        return _slowed(super().load())


class _Worker(with_gunicorn.DrainingWorker):
    def handle_exit(self, sig: int, frame: Any) -> None:
        if Path(os.environ["ROLL_WITHOUT_DRAIN"]).exists():
            os._exit(0)
        super().handle_exit(sig, frame)


if __name__ == "__main__":
    with_gunicorn._Gunicorn = _Gunicorn  # type: ignore[misc]  # the one place where serve() takes it from
    with_gunicorn.DrainingWorker = _Worker  # type: ignore[misc]  # the same
    serve.main()
