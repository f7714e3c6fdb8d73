"""Whether a password is known from a breach, asked by k-anonymity (the shape of Have I Been Pwned's range API).

What leaves is the first five hexadecimal digits of the password's SHA-1, which hundreds of thousands of passwords
share; the comparison is made here. It is an extra: no answer within a second, or a wrong one, counts as "not known",
is logged, and keeps the next half minute's requests from waiting as well.
"""

import hashlib
import re
import threading
import time
import urllib.request
from typing import Any

import structlog
from django.conf import settings

_log = structlog.stdlib.get_logger("nocturnal.accounts")
_SECONDS = 1.0
_PAUSE_SECONDS = 30.0
_LONGEST_ANSWER_BYTES = 512 * 1024  # a real one, padded, is some 50 KiB
_LINE = re.compile(r"([0-9A-F]{35}):(\d{1,12})")


class BreachServiceAway(Exception):
    """The service gave no answer, or one that cannot be understood."""


class _SameAddressOnly(urllib.request.HTTPRedirectHandler):
    """Follows nowhere: the digits are for the address that was configured."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(_SameAddressOnly)


class _Breaker:
    """Lets one request in half a minute find out whether the service is back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed = False
        self._try_again_at = 0.0

    def may_ask(self) -> bool:
        """Tell whether to ask; of many that could be the first after a pause, one is told yes."""
        with self._lock:
            now = time.monotonic()
            if self._failed and now < self._try_again_at:
                return False
            self._try_again_at = now + _PAUSE_SECONDS
            return True

    def note(self, *, failed: bool) -> None:
        """Remember how it went."""
        with self._lock:
            self._failed = failed
            self._try_again_at = time.monotonic() + _PAUSE_SECONDS


breaker = _Breaker()


def is_breached(password: str) -> bool:
    """Tell whether the password is known to be breached; False when nobody is asked or nobody answers."""
    if not settings.BREACHED_PASSWORDS_URL or not breaker.may_ask():
        return False
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        found = digest[5:] in _suffixes_within_time(digest[:5])
    except BreachServiceAway as error:
        breaker.note(failed=True)
        _log.warning("breached passwords not checked", reason=str(error), pause_seconds=_PAUSE_SECONDS)
        return False
    breaker.note(failed=False)
    return found


def _suffixes_within_time(prefix: str) -> frozenset[str]:
    """Ask on a thread of its own, which alone bounds everything: name lookup, connecting, and a dripping answer."""
    answers: list[frozenset[str]] = []
    faults: list[str] = []

    def ask() -> None:
        try:
            answers.append(_suffixes(prefix))
        except BreachServiceAway as error:
            faults.append(str(error))
        except Exception as error:  # noqa: BLE001  whatever it is, the password is only not checked
            faults.append(type(error).__name__)

    thread = threading.Thread(target=ask, name="breaches", daemon=True)
    thread.start()
    thread.join(_SECONDS)
    if not answers:
        raise BreachServiceAway(faults[0] if faults else "no answer in time")
    return answers[0]


def _suffixes(prefix: str) -> frozenset[str]:
    request = urllib.request.Request(  # noqa: S310  settings.py takes only http and https
        f"{settings.BREACHED_PASSWORDS_URL}/{prefix}", headers={"Add-Padding": "true", "User-Agent": "Nocturnal"}
    )
    with _opener.open(request, timeout=_SECONDS) as answer:
        body = answer.read(_LONGEST_ANSWER_BYTES + 1)
    if len(body) > _LONGEST_ANSWER_BYTES:
        raise BreachServiceAway("the answer is too long")
    lines = _LINE.findall(body.decode("ascii", errors="replace"))
    if not lines:
        raise BreachServiceAway("the answer is none")
    # Padding comes with a count of 0.
    return frozenset(suffix for suffix, count in lines if int(count))
