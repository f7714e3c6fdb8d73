"""An estimate in words and as data, beside what the prices' own document says."""

from collections.abc import Iterator
from typing import Any

from nocturnal_project.costs.estimate import Estimate, estimate
from nocturnal_project.costs.prices import Prices

_NEAR = 0.5  # a claim in whole units is right when it is the sum rounded


def as_data(prices: Prices, found: Estimate, *, storage_tb: float, spot: bool, reserved: bool) -> dict[str, Any]:
    """Return all that is shown, in numbers rounded to cents."""
    steady = estimate(prices, pods=prices.pods_max, storage_tb=storage_tb, spot=spot, reserved=reserved)
    saved = steady.total - found.total
    return {
        "currency": prices.currency,
        "pods": round(found.pods, 2),
        "lines": [
            {"name": line.name, "kind": "variable" if line.variable else "fixed", "monthly": round(line.monthly, 2)}
            for line in found.lines
        ],
        "fixed": round(found.fixed, 2),
        "variable": round(found.variable, 2),
        "total": round(found.total, 2),
        "against_fixed_pods": {
            "pods": prices.pods_max,
            "total": round(steady.total, 2),
            "saving": round(saved, 2),
            "saving_percent": round(100 * saved / steady.total, 1) if steady.total else 0.0,
        },
        "options": [
            {"name": name, "total": round(total, 2)}
            for name, total in _options(prices, found.pods, storage_tb=storage_tb)
        ],
        "checked_claims": list(_claims(prices)),
        "prices": {"name": prices.name, "source": prices.source, "date": prices.date},
    }


def as_text(data: dict[str, Any]) -> Iterator[str]:
    """Return the lines of a table and its notes."""
    width = max(len(line["name"]) for line in data["lines"]) + 2
    yield f"{data['pods']:g} pods, {data['currency']} a month"
    yield ""
    for line in data["lines"]:
        yield f"  {line['name']:<{width}} {line['kind']:<9} {line['monthly']:>10,.2f}"
    for name in ("fixed", "variable", "total"):
        yield f"  {name.title():<{width}} {'':<9} {data[name]:>10,.2f}"
    against = data["against_fixed_pods"]
    yield ""
    yield (
        f"Against {against['pods']} pods at all hours ({against['total']:,.2f}): "
        f"{against['saving']:,.2f} less, {against['saving_percent']:g} %."
    )
    for option in data["options"]:
        yield f"With {option['name']}: {option['total']:,.2f}."
    yield ""
    yield f"Prices: {data['prices']['name']}, {data['prices']['date']}. {data['prices']['source']}."
    for claim in data["checked_claims"]:
        verdict = "adds up" if claim["holds"] else "does not add up"
        yield f"  It says: {claim['said']}. {verdict.capitalize()}: {claim['computed']}."


def _options(prices: Prices, pods: float, *, storage_tb: float) -> Iterator[tuple[str, float]]:
    spot = f"Spot pods (-{prices.spot_discount * 100:g} % of a pod)"
    yield spot, estimate(prices, pods=pods, storage_tb=storage_tb, spot=True).total
    discounts = " and ".join(
        f"{line.name} (-{line.reserved_discount * 100:g} %)" for line in prices.fixed if line.reserved_discount
    )
    if discounts:
        yield f"reserved {discounts}", estimate(prices, pods=pods, storage_tb=storage_tb, reserved=True).total
        yield "both", estimate(prices, pods=pods, storage_tb=storage_tb, spot=True, reserved=True).total


def _claims(prices: Prices) -> Iterator[dict[str, Any]]:
    def bill(pods: float) -> Estimate:
        return estimate(prices, pods=pods, storage_tb=1)

    for claim in prices.claims:
        total = bill(claim.pods).total
        yield _checked(claim.said, f"the lines come to {total:,.2f}", abs(total - claim.monthly) <= _NEAR)
    if average := prices.average_claim:
        total = bill(average.pods).total
        said = f"{average.pods:g} pods on the mean cost {total:,.2f}"
        yield _checked(average.said, said, abs(total - average.monthly) <= _NEAR)
    if prices.saving_claim_said:
        least, most = bill(prices.pods_min), bill(prices.pods_max)
        of_all = 100 * (most.total - least.total) / most.total if most.total else 0.0
        of_pods = 100 * (most.variable - least.variable) / most.variable if most.variable else 0.0
        said = (
            f"{prices.pods_min} pods in place of {prices.pods_max} take {of_all:.0f} % off the bill "
            f"and {of_pods:.0f} % off the pods"
        )
        claimed = round(prices.saving_claim_percent)
        yield _checked(prices.saving_claim_said, said, claimed in (round(of_all), round(of_pods)))


def _checked(said: str, computed: str, holds: bool) -> dict[str, Any]:
    return {"said": said, "computed": computed, "holds": holds}
