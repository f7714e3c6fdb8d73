"""The attack corpus against real servers, each attack answered as docs/UPLOAD_ATTACKS.md says."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from nocturnal_project.serving.options import SERVERS
from tests.attacks.archives import ARCHIVES
from tests.attacks.files import FILES
from tests.attacks.kinds import Raw, Sent
from tests.attacks.names import NAMES
from tests.attacks.requests import REQUESTS
from tests.live_server import ROOT, LiveServer, live_server
from tests.raw_http import CLOSE, HOST, Connection
from tests.services import start
from tests.uploading import Setting, download, register, send_form

_VARIABLES = {
    "RATE_LIMIT_AUTH_NORMAL": "1000", "RATE_LIMIT_UPLOAD_NORMAL": "10000", "RATE_LIMIT_API_NORMAL": "10000",
}  # fmt: skip
_SENT = {**FILES, **ARCHIVES, **NAMES}
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \|(.+)\|$", re.MULTILINE)
_ANSWER = re.compile(r"\d{3} `.+`")
_NOT_SENT = "-"


def _table() -> dict[str, list[str]]:
    """Return the cells behind each attack's name: what it is, and the answer by each way."""
    text = (ROOT / "docs" / "UPLOAD_ATTACKS.md").read_text(encoding="utf-8")
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in _ROW.findall(text)}


TABLE = _table()


def _told(answer: Any) -> str:
    """Return an answer as the table writes it: the status, and the code or the name that is shown."""
    shown = answer.body["code"] if answer.status >= 400 else answer.body.get("filename", "")
    if len(shown) > 100:
        shown = f"{shown[0]} and {len(shown) - 1} more"
    return f"{answer.status} `{shown}`"


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    data = tmp_path_factory.mktemp("attacks") / "data"
    with start(s3=True) as services, live_server(data_dir=data, variables=services.environment | _VARIABLES) as server:
        yield Setting(server, services.s3, data / "files", register(server))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[LiveServer, str]]]:
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(
                live_server(data_dir=tmp_path_factory.mktemp(name), variables=_VARIABLES | {"SERVER": name})
            )
            for name in SERVERS
        }
        yield {name: (server, register(server)["Authorization"]) for name, server in running.items()}


def _through_an_instance(setting: Setting, sent: Sent) -> Any:
    name = sent.name.replace('"', "%22").encode()
    head = b'--moonlit\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\nContent-Type: %s\r\n\r\n' % (
        name, sent.declared.encode(),
    )  # fmt: skip
    body = head + sent.content() + b"\r\n--moonlit--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=moonlit"}
    return setting.ask("", body, headers=headers, timeout_s=60)


def _straight_to_the_storage(setting: Setting, sent: Sent) -> Any:
    """Return the first answer of ours that refuses, or the one that completes."""
    content = sent.content()
    presigned = setting.presign(content, sent.name, sent.declared)
    if presigned.status != 201:
        return presigned
    assert send_form(presigned.body, content) in (200, 201, 204)
    return setting.ask(f"/{presigned.body['upload']['id']}/complete", {}, timeout_s=60)


def test_the_table_has_every_attack_and_no_other() -> None:
    assert set(TABLE) == {*_SENT, *REQUESTS}
    assert {len(cells) for cells in TABLE.values()} == {3}
    assert all(_ANSWER.fullmatch(cell) or cell == _NOT_SENT for _, *answers in TABLE.values() for cell in answers)


@pytest.mark.parametrize("name", _SENT)
def test_a_file_sent_through_an_instance_is_answered_as_the_table_says(setting: Setting, name: str) -> None:
    before = setting.left()

    answer = _through_an_instance(setting, _SENT[name])

    assert _told(answer) == TABLE[name][1]
    assert bool(setting.left() - before) == (answer.status == 201)


@pytest.mark.parametrize("name", _SENT)
def test_a_file_sent_straight_to_the_storage_is_answered_as_the_table_says(setting: Setting, name: str) -> None:
    before = setting.left()

    answer = _straight_to_the_storage(setting, _SENT[name])

    assert _told(answer) == TABLE[name][2]
    assert bool(setting.left() - before) == (answer.status == 200)


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("kind", SERVERS)
def test_a_request_is_answered_as_the_table_says(
    servers: dict[str, tuple[LiveServer, str]], kind: str, name: str
) -> None:
    server, token = servers[kind]

    status, body = _exchange(server.port, token, REQUESTS[name])

    shown = body["code"] if status >= 400 else body["filename"]
    assert f"{status} `{shown}`" == TABLE[name][1]


def _exchange(port: int, token: str, raw: Raw) -> tuple[int, Any]:
    head = b"POST /api/v1/uploads HTTP/1.1\r\n" + HOST + f"Authorization: {token}\r\n".encode() + raw.fields + CLOSE
    with Connection(port) as connection:
        for piece in (head, *raw.pieces):
            connection.send(piece)
            time.sleep(raw.pause_seconds)
        if raw.ends:
            connection.end()
        answer = connection.answer()
    return answer.status, json.loads(answer.body)


def test_what_is_kept_is_given_out_so_that_no_browser_runs_it(setting: Setting) -> None:
    for name in ("gif-with-javascript-as-comment", "markdown-with-script", "markup-in-name", "eicar"):
        kept = _through_an_instance(setting, _SENT[name]).body
        headers = _headers_of_download(setting, kept["id"])
        assert headers["Content-Type"] == kept["content_type"]
        assert headers["Content-Disposition"].startswith("attachment; filename=")


def _headers_of_download(setting: Setting, upload_id: str) -> Any:
    with download(setting.ask(f"/{upload_id}/url").body["url"]) as got:
        return got.headers


def test_after_all_this_the_servers_are_well_and_logged_no_bug(
    setting: Setting, servers: dict[str, tuple[LiveServer, str]]
) -> None:
    for server in (setting.server, *(server for server, _ in servers.values())):
        assert server.ask("/api/health").body["status"] == "ok"
        assert "unhandled error" not in server.log_path.read_text(encoding="utf-8")
