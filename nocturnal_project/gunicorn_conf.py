"""gunicorn's configuration: one worker with threads, because one process is one instance.

Clients are expected behind nginx or a load balancer, which shields slow ones.
"""

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from nocturnal_project.env import Environment, read_dotenv

try:
    read_dotenv(Path(__file__).resolve().parent.parent / os.environ.get("DOTENV", ".env"))
    _env = Environment(os.environ)
    _development = _env.text("NOCTURNAL_ENV", default="development") == "development"
    _port = _env.number("PORT", default=5000, minimum=1, maximum=65535)
    threads = _env.number("THREADS", default=8, minimum=1, maximum=64)
except ImproperlyConfigured as error:
    raise SystemExit(f"Nocturnal does not start until this is mended:\n  {error}") from None

bind = f"{_env.text('BIND_ADDRESS', default='127.0.0.1')}:{_port}"
worker_class = "gthread"
workers = 1
# Longer than nginx's 60 s, so that it is never we who close a connection that nginx is about to use.
keepalive = 75
graceful_timeout = 30
timeout = 60
limit_request_line = 8190
limit_request_fields = 200  # nginx adds its own to the client's
limit_request_field_size = 8190
control_socket_disable = True
http_parser = "fast"
# The application writes its own line a request.
accesslog = None
errorlog = "-"
loglevel = "warning"


def when_ready(server: Any) -> None:
    """Tell a developer where it serves; a deployment knows, and its log is for machines."""
    if _development:
        print(f"Nocturnal serves http://{bind}/api/docs/ (stop with Ctrl-C)", flush=True)  # noqa: T201  for a person


def post_worker_init(worker: Any) -> None:
    """Make the clients of the database, the cache and the storage before the first request needs them.

    One that is not there is logged and no reason not to start: readiness tells, and it is tried again.
    """
    from health.dependencies import warm_up

    warm_up()
