import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from nocturnal_project import instances


def run(*options: str) -> tuple[str, str, int]:
    """Return what the command says, what it complains of, and its exit code."""
    said, complaint, code = StringIO(), StringIO(), 0
    try:
        call_command("list_instances", *options, stdout=said, stderr=complaint)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return said.getvalue(), complaint.getvalue(), code


def test_it_says_that_nobody_knows_when_redis_does_not_answer(redis_away: None) -> None:
    assert run() == ("", "Redis does not answer, so who lives is not known.\n", 2)


def test_it_says_that_nobody_knows_when_there_is_no_redis() -> None:
    said, complaint, code = run("--json")

    assert (said, code) == ("", 2)
    assert complaint == "No Redis is configured, so instances do not know of each other: set REDIS_URL.\n"


def test_different_versions_late_beats_and_those_of_former_versions_are_told(
    redis: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "_seen", {})
    settings.INSTANCE_ID = "pod-1"
    instances.beat()
    seconds, _ = redis.time()
    redis.zadd(instances.KEY, {"pod-2": (seconds - 10) * 1000, "pod-3": seconds * 1000})
    redis.hset(instances.FACTS_KEY, "pod-2", json.dumps({"version": "0.0.9", "draining": True, "mood": "good"}))

    lines = run()[0].splitlines()
    told = json.loads(run("--json")[0])

    assert f"Versions differ:  0.0.9, {settings.VERSION}, ?" in lines
    assert [line.split()[:2] for line in lines[-3:]] == [
        ["pod-1", "serving"], ["pod-2", "draining"], ["pod-3", "serving"],
    ]  # fmt: skip
    assert (told["active"], told["versions"]) == (3, ["0.0.9", settings.VERSION, "?"])


def test_nobody_lives_where_nobody_beats(redis: Any) -> None:
    said, _, code = run()

    assert code == 0
    assert "0/1" in said.splitlines()[0]
