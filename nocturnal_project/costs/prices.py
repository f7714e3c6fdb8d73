"""The prices: one data file with its date and source, checked before anything is computed from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRICES = Path(__file__).parent / "prices.json"


class NotPrices(Exception):
    """The file is no list of prices; the message names what is wrong in it."""


@dataclass(frozen=True)
class FixedLine:
    """What costs the same however many pods run. ``reserved_discount`` is the part that a reservation takes off."""

    name: str
    monthly: float
    reserved_discount: float = 0.0


@dataclass(frozen=True)
class Claim:
    """What a document says that so many pods cost a month."""

    said: str
    pods: float
    monthly: float


@dataclass(frozen=True)
class Prices:
    """Monthly and hourly prices in one currency."""

    name: str
    source: str
    date: str
    currency: str
    hours_per_month: float
    fixed: tuple[FixedLine, ...]
    storage_name: str
    storage_monthly_per_tb: float
    pod_name: str
    pod_hourly: float
    spot_discount: float
    requests_per_second_per_pod: float
    pods_min: int
    pods_max: int
    claims: tuple[Claim, ...]
    average_claim: Claim | None
    saving_claim_said: str
    saving_claim_percent: float


def read_prices(path: Path = PRICES) -> Prices:
    """Return what the file says.

    Raises:
        NotPrices: it cannot be read, or a price is missing, negative or no number.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotPrices(f"it cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise NotPrices("it is not JSON in UTF-8") from error
    if not isinstance(data, dict):
        raise NotPrices("it is not an object of prices")
    try:
        return _prices(data)
    except KeyError as error:
        raise NotPrices(f"{error.args[0]} is missing") from error
    except (TypeError, AttributeError) as error:
        raise NotPrices("a member has the wrong shape; compare it with the product's own file") from error


def _prices(data: Mapping[str, Any]) -> Prices:
    pod, storage = data["pod"], data["storage"]
    average, saving = data.get("average_claim"), data.get("saving_claim") or {}
    found = Prices(
        name=str(data["name"]),
        source=str(data["source"]),
        date=str(data["date"]),
        currency=str(data["currency"]),
        hours_per_month=_number(data, "hours_per_month", above_zero=True),
        fixed=tuple(
            FixedLine(str(line["name"]), _number(line, "monthly"), _share(line, "reserved_discount"))
            for line in data["fixed"]
        ),
        storage_name=str(storage["name"]),
        storage_monthly_per_tb=_number(storage, "monthly_per_tb"),
        pod_name=str(pod["name"]),
        pod_hourly=_number(pod, "hourly"),
        spot_discount=_share(pod, "spot_discount"),
        requests_per_second_per_pod=_number(data, "requests_per_second_per_pod", above_zero=True),
        pods_min=int(_number(data, "pods_min", above_zero=True)),
        pods_max=int(_number(data, "pods_max", above_zero=True)),
        claims=tuple(
            Claim(str(claim["said"]), _number(claim, "pods"), _number(claim, "monthly"))
            for claim in data.get("claims", ())
        ),
        average_claim=Claim(str(average["said"]), sum(average["between"]) / 2, _number(average, "monthly"))
        if average
        else None,
        saving_claim_said=str(saving.get("said", "")),
        saving_claim_percent=_number(saving, "percent") if saving else 0.0,
    )
    if found.pods_min > found.pods_max:
        raise NotPrices("pods_min is more than pods_max")
    return found


def _number(data: Mapping[str, Any], name: str, *, above_zero: bool = False) -> float:
    value = data[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise NotPrices(f"{name} is no price: a number from 0 on is wanted")
    if above_zero and not value:
        raise NotPrices(f"{name} must be more than 0")
    return float(value)


def _share(data: Mapping[str, Any], name: str) -> float:
    value = _number({name: data.get(name, 0)}, name)
    if value > 1:
        raise NotPrices(f"{name} is a part of the price: from 0 to 1")
    return value
