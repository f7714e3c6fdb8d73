"""What was acknowledged stays, whatever happens to the primary; and a run with w:1 shows that we would notice.

``NOCTURNAL_SOAK=1`` takes the primary away thirty times instead of three.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from tests.durability import UNLIMITED, Outcome, Record, Recorder, Verdict, await_copies, judge
from tests.live_server import live_servers
from tests.servers.base import wait_until
from tests.services import Member, MongoServer

_ROUNDS = 10 if os.environ.get("NOCTURNAL_SOAK") == "1" else 1
_LONGEST_SECONDS = 6.5  # six, and what this machine takes on top
_WHOLE_WITHIN_SECONDS = 60.0

Fault = Callable[[MongoServer, Member], AbstractContextManager[None]]


@contextmanager
def _stepped_down(mongo: MongoServer, primary: Member) -> Iterator[None]:
    primary.step_down()
    yield


@contextmanager
def _killed(mongo: MongoServer, primary: Member) -> Iterator[None]:
    primary.kill()
    yield
    primary.start()


@contextmanager
def _frozen(mongo: MongoServer, primary: Member) -> Iterator[None]:
    primary.freeze()
    try:
        yield
    finally:
        primary.thaw()


_FAULTS: tuple[Fault, ...] = (_stepped_down, _killed, _frozen)


@pytest.fixture(scope="module")
def mongo() -> Iterator[MongoServer]:
    with MongoServer(replicas=3) as server:
        yield server


def _on(uri: str, folder: Path) -> dict[str, str]:
    """An instance's variables; the bytes of its files lie where another instance finds them."""
    return {"MONGODB_URI": uri, "DATA_DIR": str(folder), **UNLIMITED}


def _await_whole(mongo: MongoServer) -> None:
    wait_until(
        lambda: mongo.primary is not None and len(mongo.secondaries) == len(mongo.members) - 1,
        within_s=_WHOLE_WITHIN_SECONDS,
        failure=lambda: "the set did not become whole again",
    )


def _report(title: str, recorder: Recorder, verdict: Verdict) -> None:
    print(f"\n{title}\n{verdict.table()}\n{recorder.answers}, slowest {recorder.slowest_seconds:.2f} s")


def test_what_was_acknowledged_is_there_once_after_the_primary_was_taken_away_in_every_way(
    mongo: MongoServer, tmp_path: Path
) -> None:
    pod = _on(mongo.uri, tmp_path)
    with live_servers(tmp_path, {"pod1": pod, "pod2": pod}, migrate=["pod1"]) as servers:
        recorder = Recorder(servers, mongo.uri)
        with recorder.writing():
            for fault in _FAULTS * _ROUNDS:
                recorder.await_acknowledgements(20, within_s=30)
                before = mongo.primary
                with fault(mongo, before):
                    assert mongo.primary is not before
                    recorder.await_acknowledgements(20, within_s=40)
                _await_whole(mongo)
            recorder.await_acknowledgements(20, within_s=30)
        verdict = recorder.verdict()
        _report(f"primary stepped down, killed and frozen, {_ROUNDS} times each", recorder, verdict)

    assert recorder.wrong_answers == []
    assert (verdict.lost, verdict.doubled, verdict.unexpected, verdict.refused) == (0, 0, 0, 0)
    assert verdict.acknowledged >= 20 * 2 * len(_FAULTS)
    assert recorder.slowest_seconds < _LONGEST_SECONDS
    for server in servers:
        assert "unhandled error" not in server.log_path.read_text()


@contextmanager
def _held_back(mongo: MongoServer) -> Iterator[None]:
    """Let the secondaries vote, but copy nothing: the primary stays one and is alone with what it is given."""
    secondaries = mongo.secondaries
    for member in secondaries:
        with member.connect() as client:
            client.admin.command("configureFailPoint", "stopReplProducer", mode="alwaysOn")
    for member in secondaries:
        with member.connect() as client:
            client.admin.command("waitForFailPoint", "stopReplProducer", timesEntered=1, maxTimeMS=20_000)
    try:
        yield
    finally:
        for member in secondaries:
            with member.connect() as client:
                client.admin.command("configureFailPoint", "stopReplProducer", mode="off")


def test_what_only_a_lost_primary_had_is_missed_with_w_1_and_was_never_acknowledged_with_majority(
    mongo: MongoServer, tmp_path: Path
) -> None:
    """The control: six records are copied, six more reach a primary alone, which dies; no second tries."""
    majority_uri = mongo.uri.replace("/nocturnal?", "/majority?")
    w1_uri = mongo.uri.replace("/nocturnal?", "/w1?") + "&w=1&journal=false"
    uris = {"w1": w1_uri, "majority": majority_uri}
    pods = {name: _on(uri, tmp_path / "files") for name, uri in uris.items()}
    with live_servers(tmp_path, pods, migrate=list(uris)) as (w1_server, majority_server):
        w1 = Recorder([w1_server], w1_uri, retries=0)
        majority = Recorder([majority_server], majority_uri, retries=0)
        w1.write(each=1)
        majority.write(each=1)
        with mongo.primary.connect() as client:
            await_copies(client)
        alone = mongo.primary
        with _held_back(mongo):
            w1.write(each=1)
            majority.write(each=1)
            assert mongo.primary is alone
            alone.kill()
        assert mongo.primary is not alone
        alone.start()
        _await_whole(mongo)
        lossy, safe = w1.verdict(), majority.verdict()
        _report("control, w:1: a primary dies with six records", w1, lossy)
        _report("the same, as the product is configured", majority, safe)

    assert (lossy.acknowledged, lossy.unknown, lossy.lost) == (12, 0, 6)
    assert (safe.acknowledged, safe.unknown, safe.lost) == (6, 6, 0)
    assert {verdict.doubled + verdict.unexpected for verdict in (lossy, safe)} == {0}
    assert (w1.answers, majority.answers) == ({"201": 12}, {"201": 6, "503": 6})
    assert majority.slowest_seconds < _LONGEST_SECONDS


def _slow_down_what_makes_it_ready(primary: Member) -> None:
    """Keep updates waiting, longer than it takes to hold the secondaries back; not the first: it counts bytes."""
    slow = {"failCommands": ["update"], "blockConnection": True, "blockTimeMS": 2500, "appName": "nocturnal"}
    with primary.connect() as client:
        client.admin.command("configureFailPoint", "failCommand", mode={"skip": 1}, data=slow)


def test_a_second_try_is_not_told_201_for_what_only_a_lost_primary_has(mongo: MongoServer, tmp_path: Path) -> None:
    """The row is copied, and the update that makes it ready is not: its answer is 503, and so is that of a retry."""
    uri = mongo.uri.replace("/nocturnal?", "/retried?")
    with live_servers(tmp_path, {"pod": _on(uri, tmp_path / "files")}, migrate=["pod"]) as servers:
        recorder = Recorder(servers, uri, writers=1, retries=1)
        alone = mongo.primary
        _slow_down_what_makes_it_ready(alone)
        with ThreadPoolExecutor(1) as thread:
            writing = thread.submit(recorder.write, each=1)
            with MongoClient[dict[str, Any]](uri) as client:
                wait_until(
                    lambda: client.get_default_database()["uploads_upload"].count_documents({}) == 1,
                    within_s=10,
                    failure=lambda: "no row",
                )
            with _held_back(mongo):
                writing.result()
                assert mongo.primary is alone
                alone.kill()
        assert mongo.primary is not alone
        alone.start()
        _await_whole(mongo)
        verdict = recorder.verdict()

    assert recorder.answers == {"503": 2}
    assert (verdict.acknowledged, verdict.unknown, verdict.lost) == (0, 1, 0)


def _row(name: str, upload_id: str, status: str = "ready") -> dict[str, Any]:
    return {"filename": name, "id": upload_id, "status": status}


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ([_row("a", "1")], {}),
        ([_row("a", "1"), _row("u", "2")], {"unknown_stored": 1}),
        ([_row("a", "1"), _row("u", "2", "pending")], {"unknown_pending": 1}),
        ([], {"lost": 1}),
        ([_row("a", "1", "pending")], {"lost": 1}),
        ([_row("a", "another")], {"lost": 1}),
        ([_row("a", "1"), _row("a", "another")], {"doubled": 1}),
        ([_row("a", "1"), _row("r", "3")], {"unexpected": 1}),
        ([_row("a", "1"), _row("foreign", "4")], {"unexpected": 1}),
    ],
)
def test_a_verdict_names_what_is_wrong(rows: list[dict[str, Any]], faults: dict[str, int]) -> None:
    records = [Record("a", Outcome.ACKNOWLEDGED, "1"), Record("u"), Record("r", Outcome.REFUSED)]
    nothing = dict.fromkeys(("lost", "doubled", "unexpected", "unknown_stored", "unknown_pending"), 0)
    expected = Verdict(acknowledged=1, unknown=1, refused=1, **(nothing | faults))
    assert judge(records, rows) == expected
