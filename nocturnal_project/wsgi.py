"""The WSGI application. Loading it refuses a half-configured production, whatever server loads it."""

import os
import sys

from django.core import checks
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nocturnal_project.settings")

# gunicorn's code for a worker that cannot boot: its master gives up instead of starting another one for ever.
_CANNOT_BOOT = 3


def _refuse_bad_configuration() -> None:
    serious = [message for message in checks.run_checks() if message.is_serious()]
    if serious:
        lines = "\n".join(f"  {message}" for message in serious)
        sys.stderr.write(f"Nocturnal does not start until this is mended:\n{lines}\n")
        sys.stderr.flush()
        raise SystemExit(_CANNOT_BOOT)


application = get_wsgi_application()
_refuse_bad_configuration()

from ratelimits import limiter  # noqa: E402  apps must be ready first

limiter.announce()
