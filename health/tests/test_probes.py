import threading
from pathlib import Path

import pytest
from django.db import connection
from rest_framework.test import APIClient

from health import dependencies, shared
from nocturnal_project import draining

HEALTH, LIVE, READY = "/api/health", "/api/health/live", "/api/health/ready"


@pytest.mark.django_db
def test_health_says_who_answers_and_how_everything_behind_it_is(api: APIClient) -> None:
    body = api.get(HEALTH).json()

    assert body["status"] == "ok"
    assert set(body) == {"status", "readiness", "instance", "version", "uptime_seconds", "dependencies"}
    assert body["readiness"] == "ready"
    assert set(body["dependencies"]) == {"database", "cache", "storage"}
    assert {each["status"] for each in body["dependencies"].values()} == {"ok"}
    assert body["uptime_seconds"] >= 0


def test_live_looks_at_nothing_but_the_process(api: APIClient) -> None:
    # Without the db mark, touching the database would fail this test.
    answer = api.get(LIVE)

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.django_db
def test_ready_when_the_database_is_there_and_migrated(api: APIClient) -> None:
    answer = api.get(READY)

    assert (answer.status_code, answer.json()["status"]) == (200, "ready")


@pytest.mark.usefixtures("missing_migration")
def test_not_ready_while_a_migration_is_missing(api: APIClient) -> None:
    answer = api.get(READY)

    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    health = api.get(HEALTH)
    assert (health.status_code, health.json()["readiness"]) == (200, "not_ready")


def test_while_it_drains_it_is_not_ready_and_asks_nobody(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the db mark, touching the database would fail this test.
    monkeypatch.setattr(draining, "_draining", True)

    answer = api.get(READY)

    assert (answer.status_code, answer.json()["status"]) == (503, "draining")
    assert api.get(LIVE).status_code == 200


@pytest.mark.django_db
def test_without_its_storage_it_is_degraded_but_serves(api: APIClient, files: Path) -> None:
    files.write_text("a file stands where the folder should be")

    answer = api.get(HEALTH)

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["dependencies"]["storage"]["status"] == "down"
    assert api.get(READY).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("path", [HEALTH, LIVE, READY])
def test_probes_are_never_limited_or_cached_and_take_any_host_or_token(api: APIClient, path: str) -> None:
    answers = [api.get(path, HTTP_HOST="10.1.2.3:5000", HTTP_AUTHORIZATION="Bearer nonsense") for _ in range(120)]

    assert {answer.status_code for answer in answers} == {200}
    assert answers[0]["Cache-Control"] == "no-store"
    assert "RateLimit" not in answers[0]


@pytest.mark.parametrize("path", [HEALTH, LIVE, READY])
def test_other_methods_are_refused(api: APIClient, path: str) -> None:
    answer = api.post(path)

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.django_db(transaction=True)
def test_fifty_probes_at_once_are_all_answered_by_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    statuses: list[int] = []
    looks: list[bool] = []
    everybody_asks = threading.Barrier(51)
    look = dependencies._ping_database

    def slow_look() -> None:
        looks.append(True)
        everybody_asks.wait(timeout=30)  # so long does the first one look
        look()

    def probe() -> None:
        if threading.current_thread().name != "first":
            everybody_asks.wait(timeout=30)
        statuses.append(APIClient().get(READY).status_code)
        connection.close()

    monkeypatch.setattr(dependencies, "_ping_database", slow_look)
    monkeypatch.setattr(dependencies, "_DATABASE_SECONDS", 60.0)
    for bound in ("PATIENCE_SECONDS", "KEPT_SECONDS"):  # fifty threads may be slow
        monkeypatch.setattr(shared, bound, 60)
    threads = [threading.Thread(target=probe, name="first" if number == 0 else None) for number in range(51)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert statuses == [200] * 51
    assert len(looks) == 1


def test_who_waits_too_long_for_anothers_look_is_told_so() -> None:
    began, may_end = threading.Event(), threading.Event()

    def hangs() -> str:
        began.set()
        may_end.wait(timeout=30)
        return "found"

    answers = shared.Shared(hangs, late=lambda: "late")
    first = threading.Thread(target=answers.get)
    first.start()
    began.wait(timeout=30)

    assert answers.get() == "late"

    may_end.set()
    first.join(timeout=30)
    assert answers.get() == "found"


def test_what_was_found_is_good_for_two_seconds() -> None:
    now, found = [100.0], iter(range(9))
    answers = shared.Shared(lambda: next(found), late=lambda: -1, clock=lambda: now[0])

    assert [answers.get(), answers.get()] == [0, 0]
    now[0] += shared.KEPT_SECONDS
    assert [answers.get(), answers.get()] == [1, 1]
    answers.forget()
    assert answers.get() == 2
