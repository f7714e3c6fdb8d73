import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from nocturnal_project.costs.prices import PRICES


def estimated(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("estimate_cost", "--json", *arguments, stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def test_the_bill_of_the_fewest_and_the_most_pods_is_that_of_the_prices_document() -> None:
    least, most = estimated(), estimated("--pods", "10")

    assert (least["fixed"], least["variable"], least["total"]) == (428.35, 86.4, 514.75)
    assert (most["fixed"], most["variable"], most["total"]) == (428.35, 288.0, 716.35)


def test_each_claim_of_the_document_is_checked() -> None:
    claims = {claim["said"].partition(":")[0]: claim for claim in estimated()["checked_claims"]}

    assert {said: claim["holds"] for said, claim in claims.items()} == {
        "off-peak (3 pods)": True,
        "peak hours (10 pods)": False,
        "average": False,
        "auto-scaling reduces idle costs by 40 %": False,
    }
    assert claims["peak hours (10 pods)"]["computed"] == "the lines come to 716.35"


def test_a_schedule_saves_against_the_most_pods_at_all_hours() -> None:
    told = estimated("--schedule", "0-8:3,8-20:10,20-24:5")

    assert told["pods"] == 6.83
    assert told["against_fixed_pods"] == {"pods": 10, "total": 716.35, "saving": 91.2, "saving_percent": 12.7}


def test_spot_and_reserved_prices_and_storage_change_their_lines_alone() -> None:
    plain, changed = estimated("--pods", "4"), estimated("--pods", "4", "--spot", "--reserved", "--storage-tb", "2")

    before, after = ({line["name"]: line["monthly"] for line in told["lines"]} for told in (plain, changed))
    assert {name: (before[name], after[name]) for name in before if before[name] != after[name]} == {
        "DocumentDB, 3 nodes": (300.0, 195.0),
        "S3 storage": (23.0, 46.0),
        "Fargate pods": (115.2, 34.56),
    }


def test_the_table_has_every_line_and_the_prices_date() -> None:
    out = StringIO()

    call_command("estimate_cost", stdout=out)

    assert "  Total                               514.75" in out.getvalue()
    assert json.loads(PRICES.read_text())["date"] in out.getvalue()


def test_the_chart_is_a_picture(tmp_path: Path) -> None:
    call_command("estimate_cost", "--chart", str(tmp_path / "cost.png"), stdout=StringIO(), stderr=StringIO())

    with Image.open(tmp_path / "cost.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 800


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--schedule", "0-8:3"], "the hour from 8 has no number of pods"),
        (["--schedule", "0-24:3,5-6:2"], "the hour from 5 has two numbers"),
        (["--schedule", "8-25:3"], "no hours of a day"),
        (["--schedule", "all day"], "not of the form"),
        (["--schedule", "0-24:0"], "from 1 to 1,000"),
        (["--pods", "0"], "from 1 to 1,000"),
        (["--storage-tb", "-1"], "from 0"),
        (["--storage-tb", "nan"], "from 0"),
        (["--prices", "/nowhere.json"], "cannot be read"),
        (["--chart", "/nowhere/cost.png"], "cannot be written"),
    ],
)
def test_wrong_use_says_what_is_wrong(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        estimated(*arguments)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hours_per_month": 0}, "hours_per_month must be more than 0"),
        ({"pod": {"name": "pod", "hourly": -1}}, "hourly is no price"),
        ({"pod": {"name": "pod", "hourly": 1, "spot_discount": 2}}, "from 0 to 1"),
        ({"pods_min": 11}, "pods_min is more than pods_max"),
        ({"fixed": [{"name": "a load balancer"}]}, "monthly is missing"),
        ({"fixed": 7}, "wrong shape"),
    ],
)
def test_prices_that_make_no_sense_are_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(json.loads(PRICES.read_text()) | change))

    with pytest.raises(CommandError, match=said):
        estimated("--prices", str(path))
