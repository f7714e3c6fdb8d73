import threading
from pathlib import Path

import pytest
from django.db import connection
from rest_framework.test import APIClient

HEALTH, LIVE, READY = "/api/health", "/api/health/live", "/api/health/ready"


@pytest.mark.django_db
def test_health_says_who_answers_and_how_everything_behind_it_is(api: APIClient) -> None:
    body = api.get(HEALTH).json()

    assert body["status"] == "ok"
    assert set(body) == {"status", "instance", "version", "uptime_seconds", "dependencies"}
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
    assert api.get(HEALTH).status_code == 200


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
def test_many_probes_at_once_are_all_answered() -> None:
    statuses: list[int] = []

    def probe() -> None:
        statuses.append(APIClient().get(READY).status_code)
        connection.close()

    threads = [threading.Thread(target=probe) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert statuses == [200] * 20
