"""Whom a request is charged to."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from nocturnal_project.client_ip import network_of


class Kind(StrEnum):
    """What a subject is.

    Only addresses and users answer for refusals: a flood of guesses at one account must never lock its owner out.
    """

    IP = "ip"
    USER = "user"
    ACCOUNT = "account"
    DEVICE = "device"
    SESSION = "session"

    @property
    def escalates(self) -> bool:
        """Whether refusals lead to the strict limit and to a block."""
        return self in (Kind.IP, Kind.USER)


@dataclass(frozen=True, slots=True)
class Subject:
    """One count under a policy."""

    kind: Kind
    value: str

    def __str__(self) -> str:
        """Return the name that the count is kept under."""
        return f"{self.kind}:{self.value}"


def ip_subject(address: str) -> Subject:
    """Return the subject of an address: an IPv6 address counts by its /64."""
    return Subject(Kind.IP, network_of(address))


def user_subject(user_id: object) -> Subject:
    """Return the subject of a signed-in user."""
    return Subject(Kind.USER, str(user_id))


def session_subject(session_id: object) -> Subject:
    """Return the subject of a session that a refresh token names."""
    return Subject(Kind.SESSION, str(session_id))


def device_subject(device_id: object) -> Subject:
    """Return the subject of a device that has signed in before."""
    return Subject(Kind.DEVICE, str(device_id))


def account_subject(email: str) -> Subject:
    """Return the subject of the account that a try names, hashed: an e-mail is anyone's to type."""
    digest = hashlib.sha256(email.strip().lower().encode(errors="replace")).hexdigest()
    return Subject(Kind.ACCOUNT, digest[:32])
