"""What the limits let through and refused in the last minutes, over all instances."""

from typing import NamedTuple

from health.cluster.sparkline import Sparkline, highest, sparkline
from health.cluster.words import number
from ratelimits import tally
from ratelimits.policies import POLICIES

MINUTES = 10


class Decided(NamedTuple):
    """One policy's last minutes."""

    policy: str
    allowed: str
    refused: str
    shadow: str
    refuses: bool
    allowed_line: Sparkline
    refused_line: Sparkline


def decisions() -> list[Decided]:
    """Return what was decided under each policy; without Redis, by this instance."""
    minutes = sorted(tally.last_minutes(MINUTES).items())
    found = []
    for policy in POLICIES:
        counted = {
            outcome: [
                sum(times for (name, _, what), times in counts.items() if (name, what) == (policy, outcome))
                for _, counts in minutes
            ]
            for outcome in ("allowed", "refused", "shadow_refused")
        }
        allowed, refused, shadow = (sum(numbers) for numbers in counted.values())
        top = highest([counted["allowed"], counted["refused"]], least=5)
        found.append(
            Decided(
                policy,
                number(allowed),
                number(refused),
                number(shadow) if shadow else "",
                refused > 0,
                sparkline(counted["allowed"], top=top, title=f"{policy}: {allowed} allowed in {MINUTES} minutes"),
                sparkline(counted["refused"], top=top, title=f"{policy}: {refused} refused in {MINUTES} minutes"),
            )
        )
    return found
