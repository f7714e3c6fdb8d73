"""Who is asking: the address that no client can choose.

Proxies append to X-Forwarded-For, so its entries are trustworthy only from the right, as many as there
are proxies of ours (TRUSTED_PROXIES). Everything further left is what the client claims.
"""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
UNKNOWN = "unknown"


def client_ip(request: HttpRequest) -> str:
    """Return the rightmost untrusted hop, or ``unknown`` on a socket without addresses.

    With fewer forwarded entries than trusted hops, or junk in the one that counts, the peer itself
    is the answer: a request that went round our proxies gets no say in who it is.
    """
    peer = _parsed(request.META.get("REMOTE_ADDR", ""))
    hops = settings.TRUSTED_PROXIES
    if hops:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        named = _parsed(forwarded[-hops]) if len(forwarded) >= hops else None
        peer = named or peer
    return str(peer) if peer else UNKNOWN


def network_of(address: str) -> str:
    """Return what an address is counted as: itself, or its /64 for IPv6, which one subscriber owns whole."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed) if parsed else UNKNOWN


def _parsed(text: str) -> Address | None:
    """Read an address as proxies write it: with a port, in brackets, or IPv4 mapped into IPv6."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
