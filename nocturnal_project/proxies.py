"""Whether TRUSTED_PROXIES fits what arrives: noticed while serving, told by the log and by the checks of operators.

What is noticed may be forged: anybody can send X-Forwarded-For. So it never keeps a process from starting, and costs
one line in the log of a process. It is remembered in Redis for an hour, where ``manage.py check --deploy`` finds it.
"""

from enum import StrEnum

import structlog
from django.conf import settings

from nocturnal_project.background import every
from nocturnal_project.redis import RedisAway, link

_KEY = "nocturnal:proxies:"
_REMEMBERED_SECONDS = 3600
_log = structlog.stdlib.get_logger("nocturnal.proxies")


class Misfit(StrEnum):
    """How the number of trusted proxies and the requests do not fit."""

    UNTRUSTED = "untrusted"
    FEWER = "fewer"

    @property
    def advice(self) -> str:
        """What is wrong, and what to set."""
        return _ADVICE[self]


_ADVICE = {
    Misfit.UNTRUSTED: (
        "Requests arrive with X-Forwarded-For, but TRUSTED_PROXIES is 0: if they come through proxies of yours, all "
        "clients count as one. Set TRUSTED_PROXIES to how many proxies stand in front."
    ),
    Misfit.FEWER: (
        "Requests arrive with fewer entries in X-Forwarded-For than TRUSTED_PROXIES says: then clients can choose "
        "their address. Set TRUSTED_PROXIES to how many proxies stand in front, and let no request go round them."
    ),
}
# Which were noticed since others were told, and which are in the log already.
_noticed: set[Misfit] = set()
_said: set[Misfit] = set()


def notice(misfit: Misfit) -> None:
    """Remember that a request did not fit; the first of a process is a line in its log."""
    _noticed.add(misfit)
    if misfit not in _said:
        _said.add(misfit)
        _log.error("trusted proxies do not fit", advice=misfit.advice)


@every(seconds=5)
def tell_others() -> None:
    """Leave what was noticed in Redis; where there is none, the log is all."""
    for misfit in list(_noticed):
        try:
            link.call("SET", f"{_KEY}{misfit}", settings.TRUSTED_PROXIES, "EX", _REMEMBERED_SECONDS)
        except RedisAway:
            return
        _noticed.discard(misfit)


def misfits() -> list[Misfit]:
    """Return what some instance noticed within the hour, with the number of proxies that is configured still."""
    configured = str(settings.TRUSTED_PROXIES).encode()
    try:
        return [misfit for misfit in Misfit if link.call("GET", f"{_KEY}{misfit}") == configured]
    except RedisAway:
        return []
