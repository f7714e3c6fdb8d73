"""A check at start: every RATE_LIMIT_ variable means something, and the numbers fit together."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from ratelimits.policies import OVERRIDABLE, POLICIES, SHADOW, contradictions, variable_of

_IPV6 = 6
_COUNTED_AS_ONE = 64


@register()
def overrides_are_understood(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a misspelt variable or a number that cannot be one, rather than run with a limit nobody chose."""
    known = {variable_of(policy, field) for policy in POLICIES.values() for field in OVERRIDABLE}
    flags = {variable_of(policy, SHADOW) for policy in POLICIES.values()}
    found: list[CheckMessage] = []
    for name, value in settings.RATE_LIMIT_OVERRIDES.items():
        if name in flags:
            if value.lower() not in ("true", "false"):
                found.append(Error(f"Set {name} to true or false, or unset it.", id="ratelimits.E005"))
        elif name not in known:
            text = f"{name} overrides nothing: use one of {', '.join(sorted(known | flags))}."
            found.append(Error(text, id="ratelimits.E001"))
        elif not (value.isascii() and value.isdigit() and int(value) > 0):
            found.append(Error(f"Set {name} to a whole number above 0, or unset it.", id="ratelimits.E002"))
    for policy in POLICIES.values():
        if complaints := contradictions(policy, {}):
            text = f"The policy {policy.name} contradicts itself: {', and '.join(complaints)}."
            found.append(Error(text, id="ratelimits.E003"))
    return found


@register()
def exempt_networks_are_narrow(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to exempt everybody, or a part of what is counted as one."""
    found: list[CheckMessage] = []
    chosen = settings.RATE_LIMIT_EXEMPT_NETWORKS
    for version in (4, 6):
        same = [network for network in chosen if network.version == version]
        if any(network.prefixlen == 0 for network in ipaddress.collapse_addresses(same)):  # type: ignore[type-var]  # of one version
            text = (
                f"RATE_LIMIT_EXEMPT_NETWORKS exempts every IPv{version} address: name only the networks of your probes."
            )
            found.append(Error(text, id="ratelimits.E006"))
    if any(network.version == _IPV6 and network.prefixlen > _COUNTED_AS_ONE for network in chosen):
        text = (
            "RATE_LIMIT_EXEMPT_NETWORKS has an IPv6 network longer than /64: addresses of one /64 are counted as one."
        )
        found.append(Error(text, id="ratelimits.E007"))
    return found
