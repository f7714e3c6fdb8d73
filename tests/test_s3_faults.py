"""A real S3 behind a connection that hangs, breaks or brings errors: 503 in time, nothing half done, nothing lost."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live_server import live_server
from tests.servers.faulty_proxy import FaultyProxy
from tests.services import start
from tests.uploading import VARIABLES, Setting, facts, register, send, send_form

Behind = tuple[Setting, FaultyProxy]
_MOST_SECONDS = 5
_TEXT = b"moonlight on the water\n" * 4000
_ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
_NONSENSE = b"not HTTP at all\r\n\r\n"
_FAULTS: dict[str, dict[str, Any]] = {
    "it hangs": {"delay_s": 8},
    "it answers 500": {"garbage": _ERROR},
    "it answers nonsense": {"garbage": _NONSENSE},
    "its answers are cut": {"cut_after": 40},
    "what it is sent is cut": {"cut_request_after": 500},
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    data: Path = tmp_path_factory.mktemp("faults")
    with start(s3=True) as services, FaultyProxy(services.s3.port) as proxy:
        through = {"S3_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
        with live_server(data_dir=data, variables=services.environment | VARIABLES | through) as server:
            setting = Setting(server, services.s3, data / "files")
            setting.bearer = register(server)
            yield setting, proxy


@pytest.fixture(params=_FAULTS)
def faulty(broken: Behind, request: pytest.FixtureRequest) -> Iterator[Behind]:
    setting, proxy = broken
    yield setting, proxy
    proxy.mend()
    assert setting.manage("reconcile_uploads", "--grace", "0").returncode == 0


def _break(proxy: FaultyProxy, name: str) -> None:
    for what, value in _FAULTS[name].items():
        setattr(proxy, what, value)


def test_while_s3_fails_uploads_and_completes_are_503_in_time_and_the_rest_serves(
    faulty: Behind, request: pytest.FixtureRequest
) -> None:
    setting, proxy = faulty
    announced = setting.presign(_TEXT).body
    assert send_form(announced, _TEXT) in (200, 201, 204)
    kept = setting.send(b"kept\n").body
    used = setting.ask("/usage").body["used_bytes"]

    _break(proxy, request.node.callspec.params["faulty"])
    answers = {
        "upload": setting.send(_TEXT),
        "complete": setting.ask(f"/{announced['upload']['id']}/complete", {}),
        "parts": setting.presign(b"x" * 2_000_000),
    }
    others = [setting.ask(path) for path in ("", "/usage", f"/{kept['id']}", f"/{kept['id']}/url")]
    started = time.monotonic()
    deleted = setting.ask(f"/{kept['id']}", method="DELETE")

    for what, answer in answers.items():
        assert (answer.status, answer.body["code"]) == (503, "service_unavailable"), what
        assert answer.seconds < _MOST_SECONDS, what
        assert int(answer.headers["Retry-After"]) > 0
    assert [(other.status, other.seconds < 1) for other in others] == [(200, True)] * 4
    assert (deleted.status, time.monotonic() - started < _MOST_SECONDS) == (204, True)
    pending = setting.ask("?status=pending").body["results"]
    assert announced["upload"]["id"] in {row["id"] for row in pending}
    assert all(row["size_bytes"] != len(_TEXT) or row["id"] == announced["upload"]["id"] for row in pending)

    proxy.mend()
    completed = setting.ask(f"/{announced['upload']['id']}/complete", {})
    assert (completed.status, completed.body["sha256"]) == (200, facts(_TEXT)["sha256"])
    assert setting.send(_TEXT).status == 201
    assert setting.ask("/usage").body["used_bytes"] == used - 5 + len(_TEXT) + 2_000_000  # those parts may still come


def test_parts_are_sent_past_the_fault_and_completed_after_it(broken: Behind) -> None:
    setting, proxy = broken
    content = b"moonlight on the water\n" * 60_000
    presigned = setting.presign(content).body
    url = presigned["parts"][0]["url"]
    assert send(url, "PUT", content) == 200

    _break(proxy, "it hangs")
    refused = setting.ask(f"/{presigned['upload']['id']}/complete", {})
    proxy.mend()
    done = setting.ask(f"/{presigned['upload']['id']}/complete", {})

    assert (refused.status, refused.seconds < _MOST_SECONDS) == (503, True)
    assert (done.status, done.body["sha256"]) == (200, facts(content)["sha256"])
