"""What would not run on DocumentDB is noticed; the run as a whole is checked by the plugin."""

from typing import Any

import pytest

from tests.documentdb import EverythingSent, parts_of, refused
from tests.documentdb_support import SUPPORT


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ({"aggregate": "x", "pipeline": [{"$facet": {"a": [{"$count": "n"}]}}]}, "stage $facet"),
        ({"aggregate": "x", "pipeline": [{"$project": {"a": {"$getField": "b"}}}]}, "expression $getField"),
        ({"aggregate": "x", "pipeline": [{"$match": {"$expr": {"$eq": ["$a", 1]}}}]}, "query $expr"),
        (
            {"aggregate": "x", "pipeline": [{"$lookup": {"localField": "a", "foreignField": "b", "pipeline": []}}]},
            "stage $lookup of fields and a pipeline",
        ),
        ({"aggregate": "x", "pipeline": [{"$match": {"a": {"$sampleRate": 0.5}}}]}, "query $sampleRate"),
        ({"update": "x", "updates": [{"q": {}, "u": [{"$set": {"a": 1}}]}]}, "statement pipeline update"),
        ({"update": "x", "updates": [{"q": {}, "u": {"$bit": {"a": 1}}}]}, "update $bit"),
        ({"find": "x", "filter": {"$where": "1"}}, "query $where"),
        ({"find": "x", "hint": "a"}, "option hint"),
        ({"collMod": "x"}, "command collMod"),
        (
            {"createIndexes": "x", "indexes": [{"key": {"a": 1}, "partialFilterExpression": {"a": {"$type": 2}}}]},
            "partial $type",
        ),
    ],
)
def test_what_would_not_run_fails_the_run(command: dict[str, Any], part: str) -> None:
    everything = EverythingSent()
    everything.pytest_runtest_logstart("uploads/tests/test_reading.py::test_a_list")

    everything.hear(command)

    assert part in everything.first_sent_in
    (fault,) = everything.faults
    assert part in fault
    assert "test_a_list" in fault


def test_what_the_product_asks_most_would_run() -> None:
    page = [{"$match": {"owner_id": "a", "_id": {"$lt": "b"}}}, {"$sort": {"_id": -1}}, {"$limit": 51}]
    commands: list[dict[str, Any]] = [
        {"aggregate": "x", "pipeline": page, "cursor": {}, "lsid": {}, "$db": "nocturnal"},
        {"update": "x", "updates": [{"q": {"_id": 1, "counter": 5}, "u": {"$set": {"a": 1}, "$inc": {"b": 1}}}]},
        {"delete": "x", "deletes": [{"q": {"_id": 1}, "limit": 1}], "txnNumber": 1},
    ]

    assert [part for command in commands for part in parts_of(command) if refused(part)] == []


def test_a_value_is_no_operator() -> None:
    literal = {"aggregate": "x", "pipeline": [{"$project": {"a": {"$literal": {"$facet": 1}}}}]}

    assert set(parts_of(literal)) == {"command aggregate", "option pipeline", "stage $project", "expression $literal"}


def test_the_tests_of_the_engine_are_not_the_product() -> None:
    everything = EverythingSent()
    everything.pytest_runtest_logstart("nocturnal_project/mongodb/tests/test_parity.py::test_one")

    everything.hear({"collMod": "x"})

    assert everything.faults == []


def test_every_row_is_of_a_known_kind_and_says_where_it_is_from() -> None:
    kinds = {"command", "option", "statement", "index", "update", "query", "partial", "stage", "expression"}
    assert {name.split()[0] for name in SUPPORT} == kinds
    assert all(row.note for row in SUPPORT.values())
