"""Reads whom people name: an address, a network, a user's id, or a subject as the limiter writes it."""

import ipaddress
import re
import uuid

from ratelimits.subjects import Kind, Subject, ip_subject, user_subject

_SITE = 64
_WIDER = (56, 48)
_DIGEST = re.compile("[0-9a-f]{32}")


class NotASubject(ValueError):
    """What was written names nobody that the limiter could count; the message says what would."""


def named_subject(text: str) -> Subject:
    """Return the subject that a text names.

    Raises:
        NotASubject: it names none.
    """
    text = text.strip()
    kind, _, value = text.partition(":")
    if kind == Kind.ACCOUNT and _DIGEST.fullmatch(value):
        return Subject(Kind.ACCOUNT, value)
    if kind == Kind.USER or _is_uuid(text):
        return user_subject(_id(value if kind == Kind.USER else text))
    return _address(value if kind == Kind.IP else text)


def _address(text: str) -> Subject:
    address, _, length = text.partition("/")
    try:
        parsed = ipaddress.ip_address(address.strip("[]"))
        if not length:
            return ip_subject(str(parsed))
        network = ipaddress.ip_network((parsed, int(length)), strict=False)
    except ValueError:
        raise NotASubject("Write an IP address, a user's e-mail, or a user's id.") from None
    if network.prefixlen in _WIDER and network.version == 6:  # noqa: PLR2004  IPv6, as everybody calls it
        return Subject(Kind.IP, str(network))
    if network.version == 6 and network.prefixlen >= _SITE:  # noqa: PLR2004  the same
        return ip_subject(str(network.network_address))
    if network.num_addresses == 1:
        return ip_subject(str(network.network_address))
    raise NotASubject("IPv4 is counted by single addresses, and IPv6 by /64, or /56 and /48 once they are widened.")


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise NotASubject("A user's id is a UUID.") from None
