"""What is held against a name under a policy, as the stamps that it is made of."""

from typing import NamedTuple

from ratelimits.policies import BLOCK_MEMORY, REFUSAL_MEMORY, Policy


class Evidence(NamedTuple):
    """Times are ms since 1970 on the store's clock; ``refused_at_ms`` are the last hour's, oldest first."""

    now_ms: int
    blocked_until_ms: int = 0
    strict_until_ms: int = 0
    forgotten_at_ms: int = 0
    refused_at_ms: tuple[int, ...] = ()

    @property
    def blocked_by_staff(self) -> bool:
        """Whether the block is not one of the ladder's, which is remembered for a day after its end."""
        return (
            self.blocked_until_ms > self.now_ms and self.forgotten_at_ms - self.blocked_until_ms != BLOCK_MEMORY * 1000
        )

    @property
    def held_strictly_by_staff(self) -> bool:
        """Whether staff hold it to the strict limit: the ladder does so by refusals alone."""
        return self.strict_until_ms > self.now_ms

    def strict_ends_ms(self, policy: Policy) -> int:
        """Return when the strict limit ends if there is no further refusal; 0 where it does not hold."""
        refusals = self.refused_at_ms
        by_refusals = refusals[-policy.strict_after] + REFUSAL_MEMORY * 1000 if self._enough(policy) else 0
        last = max(by_refusals, self.strict_until_ms)
        return last if last > self.now_ms else 0

    def _enough(self, policy: Policy) -> bool:
        return len(self.refused_at_ms) >= policy.strict_after
