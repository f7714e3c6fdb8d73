"""The WSGI application. Loading it refuses a half-configured production, and starts the process's own work.

So it is with every server. The two that this project starts (``serving/``) also call ``lifecycle.stop`` at their end.
"""

import os
import sys
from collections.abc import Iterable
from typing import NoReturn

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nocturnal_project.settings")

# gunicorn's code for a worker that cannot boot: its master gives up instead of starting another one for ever.
_CANNOT_BOOT = 3


def _refuse(reasons: Iterable[object]) -> NoReturn:
    lines = "\n".join(f"  {reason}" for reason in reasons)
    sys.stderr.write(f"Nocturnal does not start until this is mended:\n{lines}\n")
    sys.stderr.flush()
    raise SystemExit(_CANNOT_BOOT)


from nocturnal_project import tracing  # noqa: E402  settings must be named first

try:
    tracing.start()
    application = get_wsgi_application()
except ImproperlyConfigured as error:
    _refuse([error])
if serious := [message for message in checks.run_checks() if message.is_serious() and not message.is_silenced()]:
    _refuse(serious)

from nocturnal_project import lifecycle  # noqa: E402  apps must be ready first
from ratelimits import limiter  # noqa: E402  the same

limiter.announce()
lifecycle.start()
