import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from health.rollout.counting import count, ids_in
from health.rollout.deployment import Deployment
from health.rollout.load import Mix, Sent
from health.rollout.watching import Watch
from tests.live_server import LiveServer, live_server
from tests.test_server import UNLIMITED


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    with live_server(data_dir=tmp_path / "data", variables={"LOG_FORMAT": "json", **UNLIMITED}) as running:
        yield running


def _sent(number: int, *, write: bool = False, status: int = 201, fault: str = "") -> Sent:
    return Sent(number, f"rollout-fast-run-{number}", write, 0.0, 0.0, 0.1, status, fault)


def _verify(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("verify_rollout", *arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def test_a_quiet_run_counts_everything_and_leaves_nothing_behind(server: LiveServer, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    load = ("--rate", "20", "--seconds", "2", "--writes", "0.5", "--slow-seconds", "0.2")

    code, said = _verify("--url", server.url, *load, "--logs", str(server.log_path), "--json", str(report))

    facts: dict[str, Any] = json.loads(report.read_text())
    assert code == 0, said
    assert facts["passed"]
    assert facts["sent"] >= 40
    assert facts["ids_counted"] == facts["sent"]
    assert facts["rows_counted"] == facts["statuses"]["201"] == pytest.approx(facts["sent"] / 2, abs=1)
    assert "none that was seen: this shows nothing of a roll" in said
    assert '"route":"/api/v1/me","status":204' in server.log_path.read_text().replace(": ", ":").replace(", ", ",")


def test_limits_that_refuse_the_load_are_named_and_it_is_no_pass(tmp_path: Path) -> None:
    with live_server(data_dir=tmp_path / "data") as server, pytest.raises(CommandError, match="RATE_LIMIT_API_NORMAL"):
        _verify("--url", server.url, "--rate", "60", "--seconds", "3", "--slow-seconds", "0")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nocturnal.example.com", "ftp://127.0.0.1"])
def test_an_address_where_nothing_answers_is_wrong_use(url: str) -> None:
    with pytest.raises(CommandError, match=r"no answer|--url is"):
        _verify("--url", url, "--seconds", "1")


def test_a_command_that_fails_is_said(server: LiveServer) -> None:
    with pytest.raises(CommandError, match="ended with 3"):
        _verify("--url", server.url, "--rate", "10", "--seconds", "1", "--while", "sh -c 'exit 3'")


def test_doubled_lost_and_unanswered_writes_are_told_apart() -> None:
    sent = [_sent(0, write=True), _sent(1, write=True), _sent(2, write=True), _sent(3, write=True, status=0, fault="x")]

    found = count(sent, rows=Counter({0: 1, 1: 2, 3: 1}), ids=None)

    assert (found.doubled, found.lost) == (["rollout-fast-run-1"], ["rollout-fast-run-2"])
    assert found.unanswered == ["rollout-fast-run-3"]


def test_a_request_that_two_instances_logged_is_doubled(tmp_path: Path) -> None:
    line = '{"event": "request", "request_id": "rollout-fast-run-7"}\n'
    logs = [tmp_path / "pod-1.log", tmp_path / "pod-2.log"]
    logs[0].write_text(f"no json\n{line}" + '{"event": "refused", "request_id": "rollout-fast-run-7"}\n')
    logs[1].write_text(line.replace("7", "8") + line)

    ids = ids_in([*logs, logs[0]], run="run")

    assert ids == {"rollout-fast-run-7": 2, "rollout-fast-run-8": 1}
    assert count([_sent(7), _sent(8)], rows=Counter(), ids=ids).doubled == ["rollout-fast-run-7"]


def test_shares_are_kept_and_cross() -> None:
    mix = Mix(rate=200, writes=0.1, slow=0.2, slow_seconds=2)
    writes = {number for number in range(1000) if mix.is_write(number)}
    slow = {number for number in range(1000) if mix.is_slow(number)}

    assert len(writes) == 100
    assert len(slow) == pytest.approx(200, abs=10)
    assert writes & slow
    assert writes - slow


def test_an_instance_that_began_anew_was_replaced() -> None:
    with Watch(Deployment("http://127.0.0.1:9")) as watch:
        for instance, started in (("pod-1", -90.0), ("pod-1", -89.2), ("pod-2", -90.0), ("pod-2", 7.0)):
            watch.see(instance, watch._began + started)

    assert watch.replaced == ["pod-2"]
