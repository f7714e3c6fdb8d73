import threading
from collections.abc import Iterator

import pytest
import structlog

from nocturnal_project import background


@pytest.fixture(autouse=True)
def no_other_jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(background, "_jobs", [])
    yield
    background.stop()


def test_a_job_runs_when_it_is_due_and_not_before() -> None:
    ran: list[str] = []
    background.every(seconds=2)(lambda: ran.append("slow"))
    background.every(seconds=1)(lambda: ran.append("quick"))

    for now in (100.0, 100.5, 101.0, 102.0):
        background.run_due(now)

    assert ran == ["slow", "quick", "quick", "slow", "quick"]


def test_a_job_that_fails_is_told_of_and_tried_again_and_keeps_no_other_from_running() -> None:
    ran: list[str] = []

    def fails() -> None:
        ran.append("fails")
        raise RuntimeError("the details are not for the log")

    background.every(seconds=1)(fails)
    background.every(seconds=1)(lambda: ran.append("works"))

    with structlog.testing.capture_logs() as lines:
        background.run_due(1.0)
        background.run_due(2.0)

    assert ran == ["fails", "works"] * 2
    assert [line["error"] for line in lines if line["event"] == "job failed"] == ["RuntimeError"] * 2


def test_a_process_runs_every_job_before_its_first_request_and_goes_on_by_itself() -> None:
    first, later = threading.Event(), threading.Event()

    def job() -> None:
        (later if first.is_set() else first).set()

    background.every(seconds=0.01)(job)

    background.start()

    assert first.is_set()
    assert later.wait(5)


def test_nothing_runs_after_the_stop() -> None:
    ran: list[int] = []
    background.every(seconds=0.01)(lambda: ran.append(1))
    background.start()

    background.stop()

    count = len(ran)
    assert not [thread for thread in threading.enumerate() if thread.name == "background"]
    assert len(ran) == count
