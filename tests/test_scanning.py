"""ClamAV beside the product: a real clamd that knows one virus, killed, frozen and asked too much."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.files import EICAR
from tests.live_server import live_server
from tests.servers.clamd import STREAM_MAX_BYTES, ClamServer
from tests.uploading import VARIABLES, Setting, download, register, send_form
from uploads.tests import samples

_INFECTED_DOCX = samples.zipped(samples.DOCX_PARTS | {"word/eicar.txt": EICAR.decode()})
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture(scope="module")
def clamd() -> Iterator[ClamServer]:
    with ClamServer() as running:
        yield running


@contextmanager
def _served(data: Path, host: str) -> Iterator[Setting]:
    with live_server(data_dir=data, variables=VARIABLES | {"CLAMAV_HOST": host}) as server:
        yield Setting(server, None, data / "files", register(server))


@pytest.fixture(scope="module")
def setting(clamd: ClamServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    with _served(tmp_path_factory.mktemp("scanning") / "data", clamd.host) as served:
        yield served


def _complete(setting: Setting, content: bytes, name: str = "a.txt", kind: str = "text/plain") -> tuple[Any, Any]:
    presigned = setting.presign(content, name, kind).body
    assert send_form(presigned, content) in (200, 201, 204)
    return presigned, setting.ask(f"/{presigned['upload']['id']}/complete", {}, timeout_s=30)


def _metrics(setting: Setting) -> str:
    with download(f"{setting.server.url}/metrics") as got:
        return str(got.read().decode())


@pytest.mark.parametrize(
    ("content", "name", "kind"), [(EICAR, "a.txt", "text/plain"), (_INFECTED_DOCX, "a.docx", _DOCX)]
)
def test_an_infected_file_is_refused_by_both_ways_and_nothing_is_left(
    setting: Setting, content: bytes, name: str, kind: str
) -> None:
    before = setting.left()

    sent = setting.send(content, name)
    presigned, completed = _complete(setting, content, name, kind)

    for answer in (sent, completed):
        assert (answer.status, answer.body["code"]) == (422, "file_infected")
        assert answer.body["signature"].startswith("Eicar-Test")
    assert setting.ask(f"/{presigned['upload']['id']}").body["status"] == "rejected"
    assert setting.left() == before
    assert int(re.findall(r'nocturnal_uploads_total{result="infected"} (\d+)', _metrics(setting))[0]) >= 2
    assert "infected file refused" in setting.server.log_path.read_text(encoding="utf-8")


def test_a_clean_file_is_kept_by_both_ways(setting: Setting) -> None:
    large = b"moonlight\n" * (STREAM_MAX_BYTES // 10)

    assert [setting.send(content).status for content in (b"moonlight\n", large)] == [201, 201]
    assert _complete(setting, b"moonlight\n")[1].status == 200


def test_a_file_larger_than_the_scanner_takes_is_refused(setting: Setting) -> None:
    answer = setting.send(b"moonlight\n" * 900_000)

    assert (answer.status, answer.body["code"]) == (422, "file_not_scannable")


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_without_the_scanner_nothing_is_kept_and_all_else_goes_on(
    setting: Setting, clamd: ClamServer, how: str
) -> None:
    presigned = setting.presign(b"moonlight\n").body
    assert send_form(presigned, b"moonlight\n") in (200, 201, 204)
    path, before = f"/{presigned['upload']['id']}", setting.left()
    clamd.process.kill() if how == "killed" else clamd.process.freeze()
    try:
        started = time.monotonic()
        answers = [setting.send(b"moonlight\n"), setting.send(b"moonlight\n" * 200_000)]
        answers.append(setting.ask(f"{path}/complete", {}))
        seconds = time.monotonic() - started
        listed = setting.ask("")
    finally:
        clamd.process.start() if how == "killed" else clamd.process.thaw()

    assert {(answer.status, answer.body["code"]) for answer in answers} == {(503, "service_unavailable")}
    assert all(answer.headers["Retry-After"] for answer in answers)
    assert max(answer.seconds for answer in answers) < (5 if how == "frozen" else 2)
    assert seconds > (9 if how == "frozen" else 0)
    assert (listed.status, setting.left()) == (200, before)
    assert setting.ask(f"{path}/complete", {}).status == 200  # nothing was decided
    assert setting.send(b"moonlight\n").status == 201


def test_it_is_asked_by_its_socket_too(clamd: ClamServer, tmp_path: Path) -> None:
    with _served(tmp_path / "data", clamd.socket_path) as setting:
        assert setting.send(EICAR).body["code"] == "file_infected"
        assert setting.send(b"moonlight\n").status == 201
