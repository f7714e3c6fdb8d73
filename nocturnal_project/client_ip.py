"""Who is asking: the address that no client can choose.

Proxies append to X-Forwarded-For, so its entries are trustworthy only from the right, as many as there
are proxies of ours (TRUSTED_PROXIES). Everything further left is what the client claims. No other header is read:
``Forwarded`` (RFC 7239) says the same in a form that most proxies neither write nor remove, so it is the client's.
"""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from nocturnal_project.proxies import Misfit, notice

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
UNKNOWN = "unknown"
# IPv4 clients as a translator shows them to an IPv6-only server (RFC 6052). By /64, all of them would count as one.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def client_ip(request: HttpRequest) -> str:
    """Return the rightmost untrusted hop, or ``unknown`` on a socket without addresses.

    With fewer forwarded entries than trusted hops, or junk in the one that counts, the peer itself
    is the answer: a request that went round our proxies gets no say in who it is.
    """
    peer = _parsed(request.META.get("REMOTE_ADDR", ""))
    hops = settings.TRUSTED_PROXIES
    header = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if hops:
        forwarded = header.rsplit(",", hops)[-hops:] if header else []
        if len(forwarded) < hops:
            notice(Misfit.FEWER)
        else:
            peer = _parsed(forwarded[0]) or peer
    elif header:
        notice(Misfit.UNTRUSTED)
    return str(peer) if peer else UNKNOWN


def network_of(address: str) -> str:
    """Return what an address is counted as: itself, or its /64 for IPv6, which one subscriber owns whole."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed) if parsed else UNKNOWN


def _parsed(text: str) -> Address | None:
    """Read an address as proxies write it: with a port, a zone, in brackets, or IPv4 within IPv6."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address
    return address
