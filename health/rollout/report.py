"""What a run has shown, for people and for programs."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from health.rollout.counting import Count
from health.rollout.load import Mix, Sent

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Report:
    """The whole run."""

    url: str
    run: str
    mix: Mix
    sent: list[Sent]
    count: Count
    instances: list[str]
    replaced: list[str]

    @property
    def failed(self) -> list[Sent]:
        """Those without the answer that they should have had."""
        return [each for each in self.sent if each.fault]

    @property
    def passed(self) -> bool:
        """Tell whether nothing failed, was doubled or was lost; what could not be counted may have been."""
        return self.count.rows is not None and not (self.failed or self.count.doubled or self.count.lost)

    def facts(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {
            "url": self.url,
            "run": self.run,
            "passed": self.passed,
            "seconds": round(max((each.at_s + each.seconds for each in self.sent), default=0.0), 1),
            "rate": self.mix.rate,
            "sent": len(self.sent),
            "statuses": dict(sorted(Counter(str(each.status) for each in self.sent if each.status).items())),
            "failed": len(self.failed),
            "doubled": len(self.count.doubled),
            "lost": len(self.count.lost),
            "unanswered_but_done": len(self.count.unanswered),
            "limited": sum(each.limited for each in self.sent),
            "rows_counted": self.count.rows,
            "ids_counted": self.count.ids,
            "latency_ms": self._latency_ms(),
            "sent_late_ms": round(max((each.late_s for each in self.sent), default=0.0) * 1000),
            "instances": self.instances,
            "replaced": self.replaced,
            "failures": [
                {"id": each.request_id, "at_seconds": round(each.at_s, 2), "fault": each.fault} for each in self.failed
            ],
            "doubles": self.count.doubled,
        }

    def text(self) -> str:
        """Return the same in lines, with the first failures."""
        facts = self.facts()
        answered = ", ".join(f"{number:,} times {status}" for status, number in facts["statuses"].items())
        rows = "rows could not be listed" if self.count.rows is None else f"{self.count.rows:,} rows"
        ids = "no logs given" if self.count.ids is None else f"{self.count.ids:,} ids in logs"
        latency = ", ".join(f"{name} {value:,} ms" for name, value in facts["latency_ms"].items())
        lines = [
            f"{self.url}: {facts['seconds']} s of {self.mix.rate:g} POSTs a second, {self.mix.slow:.0%} of them slow",
            f"  sent      {facts['sent']:,}, the latest {facts['sent_late_ms']:,} ms after its time",
            f"  answered  {answered or 'none'}",
            f"  failed    {facts['failed']:,}",
            f"  doubled   {facts['doubled']:,}   ({rows}, {ids})",
            f"  lost      {facts['lost']:,}   (answered as done, and not there)",
            f"  latency   {latency}",
            f"  answered by {', '.join(self.instances) or 'nobody'}",
            f"  replaced  {', '.join(self.replaced) or 'none that was seen: this shows nothing of a roll'}",
        ]
        lines += [f"  {each.at_s:8.2f} s  {each.fault}  {each.request_id}" for each in self.failed[:_SHOWN]]
        lines += [f"  done twice  {name}" for name in self.count.doubled[:_SHOWN]]
        return "\n".join([*lines, "Nothing was lost." if self.passed else "This deployment loses requests."])

    def _latency_ms(self) -> dict[str, int]:
        """Return it at some quantiles, of those that were answered."""
        times = sorted(each.seconds for each in self.sent if each.status)
        if not times:
            return {}
        last = len(times) - 1
        return {name: round(times[int(last * part)] * 1000) for name, part in _QUANTILES.items()}


_QUANTILES = {"p50": 0.5, "p99": 0.99, "max": 1.0}
