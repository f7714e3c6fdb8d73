"""The WSGI application. Loading it refuses a half-configured production, whatever server loads it."""

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


try:
    application = get_wsgi_application()
except ImproperlyConfigured as error:
    _refuse([error])
if serious := [message for message in checks.run_checks() if message.is_serious() and not message.is_silenced()]:
    _refuse(serious)

from accounts import keyring  # noqa: E402  apps must be ready first
from nocturnal_project import background, clock, instances  # noqa: E402  the same
from ratelimits import limiter, staff  # noqa: E402, F401  the same; staff's changes are followed from here on


def refresh_keys() -> None:
    """Learn of rotated keys."""
    keyring.refresh(clock.now())


background.every(seconds=instances.BEAT_SECONDS)(instances.beat)
limiter.announce()
background.every(seconds=2)(refresh_keys)
background.start()
