"""Whom a request is charged to."""

import hashlib
import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

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
        return self in _ESCALATING


_ESCALATING = frozenset({Kind.IP, Kind.USER})


@dataclass(frozen=True, slots=True)
class Subject:
    """One count under a policy.

    ``wider`` are the networks that an IPv6 /64 is counted with once its siblings misbehave: the /56, then the /48.
    ``among_siblings`` are the bytes that tell the /64 from others in the /56, and the /56 from others in the /48.
    """

    kind: Kind
    value: str
    wider: tuple[str, ...] = ()
    among_siblings: bytes = b""

    def __str__(self) -> str:
        """Return the name that the count is kept under."""
        return f"{self.kind.value}:{self.value}"

    @property
    def names(self) -> tuple[str, ...]:
        """The name on each level, from the subject itself to the widest network."""
        return (str(self), *(f"{self.kind.value}:{network}" for network in self.wider))

    @property
    def shape(self) -> bytes:
        """What the decision has to know of the subject, as decide.lua reads it."""
        if not self.kind.escalates:
            return b"0"
        return b"%d" % (1 + len(self.wider)) + self.among_siblings


def ip_subject(address: str) -> Subject:
    """Return the subject of an address or network: IPv6 counts by its /64."""
    network = network_of(address)
    return network_subject(network) if ":" in network else Subject(Kind.IP, network)


def network_subject(network: str) -> Subject:
    """Return the subject of an IPv6 network that is counted as one: a /64, or a /56 or /48 whose parts misbehave.

    Raises:
        ValueError: it is no IPv6 network, has bits set beyond its prefix, or has another prefix.
    """
    named = ipaddress.IPv6Network(network)
    widths = (64, 56, 48)
    if named.prefixlen not in widths:
        raise ValueError(f"{network} is counted as /64, and wider only as /56 or /48")
    above = widths[widths.index(named.prefixlen) + 1 :]
    wider = tuple(str(named.supernet(new_prefix=prefix)) for prefix in above)
    bits = int(named.network_address)
    return Subject(Kind.IP, str(named), wider, bytes(bits >> (120 - prefix) & 0xFF for prefix in above))


def is_exempt(subject: Subject) -> bool:
    """Tell whether a subject is an address that is not counted; nobody else ever is."""
    chosen = settings.RATE_LIMIT_EXEMPT_NETWORKS
    if not chosen or subject.kind is not Kind.IP:
        return False
    try:
        network = ipaddress.ip_network(subject.value)
    except ValueError:
        return False
    return any(network.version == each.version and network.subnet_of(each) for each in chosen)  # type: ignore[arg-type]  # of one version


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
