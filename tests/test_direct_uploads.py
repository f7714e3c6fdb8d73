"""Files that go straight to the storage: the same contract on S3 and on local files, with real servers."""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.live_server import live_server
from tests.services import start
from tests.uploading import VARIABLES, Setting, download, facts, register, send, send_form
from uploads.direct_storage import PART_BYTES

TEXT = b"moonlight on the water\n"


@pytest.fixture(scope="module", params=[False, True], ids=["local files", "S3"])
def setting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    data = tmp_path_factory.mktemp("direct") / "data"
    with (
        start(s3=request.param) as services,
        live_server(data_dir=data, variables=services.environment | VARIABLES) as server,
    ):
        found = Setting(server, services.s3 if request.param else None, data / "files")
        found.bearer = register(server)
        yield found


def _complete(setting: Setting, presigned: Any, **more: Any) -> Any:
    return setting.ask(f"/{presigned['upload']['id']}/complete", {}, **more)


def test_a_form_sends_a_file_that_is_ready_once_it_was_verified(setting: Setting) -> None:
    content = TEXT * 1000
    answer = setting.presign(content)
    presigned = answer.body

    assert (answer.status, presigned["method"], presigned["upload"]["status"]) == (201, "POST", "pending")
    assert answer.headers["Location"] == f"/api/v1/uploads/{presigned['upload']['id']}"
    assert _complete(setting, presigned).body["code"] == "upload_not_stored"
    assert send_form(presigned, content) in (200, 201, 204)
    done = _complete(setting, presigned)
    assert (done.status, done.body["status"], done.body["sha256"]) == (200, "ready", facts(content)["sha256"])
    url = setting.ask(f"/{done.body['id']}/url").body["url"]
    with download(url) as got:
        assert got.read() == content
        assert got.headers["Content-Type"] == "text/plain"
    assert not [key for key in setting.left() if key.startswith("staging/")]


def test_a_form_is_good_for_nothing_else(setting: Setting) -> None:
    content = TEXT * 10
    presigned = setting.presign(content).body
    fields = presigned["fields"]
    before = setting.left()

    assert send_form(presigned, content + b"x") >= 400  # another size
    assert send_form(presigned, content[:-1]) >= 400
    assert send_form(presigned, content, **{"Content-Type": "text/html"}) >= 400
    assert send_form(presigned, content, policy=fields["policy"][:-8] + "AAAAAAAA") >= 400
    if setting.s3:
        assert send_form(presigned, content, key="general/2026-01-01/mine.txt") >= 400
        assert send_form(presigned, b"!" + content[1:]) >= 400  # another checksum
    assert setting.left() == before
    assert send_form(presigned, content) in (200, 201, 204)


def test_a_form_never_changes_a_file_that_is_ready(setting: Setting) -> None:
    content = TEXT * 10
    presigned = setting.presign(content).body
    send_form(presigned, content)
    ready = _complete(setting, presigned).body

    send_form(presigned, content)  # as long as it has not expired the storage takes it, into staging
    again = _complete(setting, presigned)

    assert (again.status, again.body) == (200, ready)
    url = setting.ask(f"/{ready['id']}/url").body["url"]
    with download(url) as got:
        assert hashlib.sha256(got.read()).hexdigest() == ready["sha256"]


@pytest.mark.parametrize(
    ("announced", "sent", "name", "content_type", "code"),
    [
        (b"a" * 100, b"b" * 100, "a.txt", "text/plain", "content_mismatch"),
        (b"GIF89a" + bytes(99), None, "a.png", "image/png", "file_type_mismatch"),
        (b"MZ\0\0" * 30, None, "a.txt", "text/plain", "unsupported_file_type"),
    ],
    ids=["another hash", "another image", "a program"],
)
def test_what_is_not_what_was_announced_is_rejected_and_removed(
    setting: Setting, announced: bytes, sent: bytes | None, name: str, content_type: str, code: str
) -> None:
    before, used = setting.left(), setting.ask("/usage").body["used_bytes"]
    presigned = setting.presign(announced, name, content_type).body
    stored = send_form(presigned, sent or announced)
    if stored >= 400:  # S3 compares the checksum itself
        assert code == "content_mismatch"
        assert _complete(setting, presigned).body["code"] == "upload_not_stored"
        return

    refused, again = _complete(setting, presigned), _complete(setting, presigned)

    assert (refused.body["code"], again.body["code"]) == (code, "upload_rejected")
    assert setting.ask(f"/{presigned['upload']['id']}").body["status"] == "rejected"
    assert setting.left() == before
    assert setting.ask("/usage").body["used_bytes"] == used


def test_what_cannot_be_is_refused_before_anything_is_sent(setting: Setting) -> None:
    for body, status, code in (
        ({"size_bytes": 0}, 422, "invalid_input"),
        ({"size_bytes": 5 * 1024**3 + 1}, 422, "invalid_input"),
        ({"sha256": "A" * 64}, 422, "invalid_input"),
        ({"content_type": "text/html"}, 422, "invalid_input"),
        ({"filename": "moon.pdf"}, 422, "file_type_mismatch"),
        ({"category": "../up"}, 422, "invalid_input"),
        ({"key": "general/mine"}, 422, "invalid_input"),
    ):
        answer = setting.presign(TEXT, body=body)
        assert (answer.status, answer.body["code"]) == (status, code), body


def test_fifty_at_once_complete_it_once_and_are_told_the_same(setting: Setting) -> None:
    content, before = TEXT * 100, setting.left()
    presigned = setting.presign(content).body
    send_form(presigned, content)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: _complete(setting, presigned), range(50)))

    assert Counter(answer.status for answer in answers) == {200: 50}
    assert len({json.dumps(answer.body, sort_keys=True) for answer in answers}) == 1
    assert len(setting.left() - before) == 1


def test_somebody_elses_is_not_there(setting: Setting) -> None:
    presigned = setting.presign(TEXT).body
    bob = {"headers": register(setting.server)}

    assert _complete(setting, presigned, **bob).status == 404
    assert setting.ask(f"/{presigned['upload']['id']}/parts", **bob).status == 404


def test_what_came_through_an_instance_has_nothing_to_complete(setting: Setting) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
    upload = setting.ask("", body, headers={"Content-Type": "multipart/form-data; boundary=x"}).body

    for answer in (setting.ask(f"/{upload['id']}/complete", {}), setting.ask(f"/{upload['id']}/parts")):
        assert (answer.status, answer.body["code"]) == (409, "upload_not_direct")


def test_deleting_what_is_on_its_way_leaves_nothing(setting: Setting) -> None:
    before = setting.left()
    presigned = setting.presign(TEXT).body
    send_form(presigned, TEXT)

    assert setting.ask(f"/{presigned['upload']['id']}", method="DELETE").status == 204

    assert setting.left() == before
    assert _complete(setting, presigned).status == 404


def test_a_repeated_announcement_is_the_same_upload(setting: Setting) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first, again = setting.presign(TEXT, headers=key), setting.presign(TEXT, headers=key)
    other = setting.presign(TEXT * 2, headers=key)

    assert first.body["upload"] == again.body["upload"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    assert send_form(again.body, TEXT) in (200, 201, 204)
    assert _complete(setting, first.body).body["status"] == "ready"


def test_a_large_file_goes_in_parts_and_can_be_resumed(setting: Setting) -> None:
    content, before = TEXT * (PART_BYTES // len(TEXT) + 1000), setting.left()
    presigned = setting.presign(content, name="long.txt").body
    path = f"/{presigned['upload']['id']}"
    first, second = presigned["parts"]

    assert (presigned["method"], presigned["url"], presigned["fields"]) == ("PUT", None, None)
    assert [part["size_bytes"] for part in presigned["parts"]] == [PART_BYTES, len(content) - PART_BYTES]
    assert send(first["url"], "PUT", content[:PART_BYTES]) == 200
    assert send(second["url"], "PUT", content[PART_BYTES:] + b"x") >= 400
    missing = setting.ask(f"{path}/complete", {})
    assert (missing.status, missing.body["code"], missing.body["missing_parts"]) == (409, "upload_not_stored", [2])

    resumed = setting.ask(f"{path}/parts").body["parts"]

    assert [(part["number"], part["stored"]) for part in resumed] == [(1, True), (2, False)]
    assert resumed[0]["url"] is None
    assert send(resumed[1]["url"], "PUT", content[PART_BYTES:]) == 200
    done = setting.ask(f"{path}/complete", {}, timeout_s=120)
    assert (done.status, done.body["status"], done.body["sha256"]) == (200, "ready", facts(content)["sha256"])
    assert len(setting.left() - before) == 1


def test_a_file_in_parts_can_be_given_up(setting: Setting) -> None:
    before = setting.left()
    presigned = setting.presign(TEXT * 100_000, name="long.txt").body
    assert send(presigned["parts"][0]["url"], "PUT", (TEXT * 100_000)[:PART_BYTES]) == 200

    assert setting.ask(f"/{presigned['upload']['id']}", method="DELETE").status == 204

    assert setting.left() == before
    assert send(presigned["parts"][0]["url"], "PUT", (TEXT * 100_000)[:PART_BYTES]) >= (400 if setting.s3 else 200)
