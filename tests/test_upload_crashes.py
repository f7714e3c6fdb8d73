"""An instance is killed at a random moment of uploads, completes and deletes: nothing is lost, and nothing is left.

Each round prepares files, has clients upload, complete and delete at the same time, kills the instance somewhere in
between, and has an operator reconcile. Then the rows and the stored bytes are compared, by means of the test's own.
``NOCTURNAL_SOAK=1`` kills fifty times on each pair of database and storage instead of three.
"""

import json
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.live_server import LiveServer
from tests.services import start
from tests.uploading import VARIABLES, Setting, register, send, send_form

_ROUNDS = 50 if os.environ.get("NOCTURNAL_SOAK") == "1" else 3
_ROWS = """
import json
from django.db.models import Sum
from uploads.models import StorageUsage, Upload
facts = ("id", "key", "status", "sha256", "size_bytes", "staging_key", "multipart_id")
rows = [{name: str(row[name]) for name in facts} for row in Upload.objects.values(*facts)]
print(json.dumps({"rows": rows, "used": StorageUsage.objects.get().used_bytes}))
"""


@pytest.fixture(params=[False, True], ids=["local files, SQLite", "S3, MongoDB"])
def setting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    with start(s3=request.param, mongo=int(request.param)) as services:
        server = LiveServer(data_dir=tmp_path, variables=services.environment | VARIABLES)
        server.start()
        try:
            found = Setting(server, services.s3 if request.param else None, tmp_path / "files")
            found.bearer = register(server)
            yield found
        finally:
            server.stop()


@dataclass
class Clients:
    """What clients asked for, and which of it they were promised."""

    setting: Setting
    kept: dict[str, bytes] = field(default_factory=dict)  # by the upload's id: the instance said that it has it
    deleted: set[str] = field(default_factory=set)
    cut_off: list[tuple[str, bytes]] = field(default_factory=list)  # uploads without an answer, by their key
    waiting: dict[str, bytes] = field(default_factory=dict)  # sent past the instance, and not completed yet

    def upload(self) -> None:
        """Send a file, and remember the key under which to send it again."""
        content, key = _text(600_000), uuid.uuid4().hex
        self.cut_off.append((key, content))
        answer = self.setting.send(content, **{"Idempotency-Key": key})
        assert answer.status == 201, answer.body
        self.kept[answer.body["id"]] = content
        self.cut_off.remove((key, content))

    def prepare(self, size_bytes: int) -> str:
        """Send a file straight to the storage."""
        content = _text(size_bytes)
        presigned = self.setting.presign(content).body
        if presigned["parts"]:
            assert send(presigned["parts"][0]["url"], "PUT", content) == 200
        else:
            assert send_form(presigned, content) in (200, 201, 204)
        self.waiting[presigned["upload"]["id"]] = content
        return str(presigned["upload"]["id"])

    def complete(self, upload_id: str) -> None:
        """Have it verified and kept."""
        answer = self.setting.ask(f"/{upload_id}/complete", {})
        assert answer.status == 200, answer.body
        self.kept[upload_id] = self.waiting.pop(upload_id)

    def delete(self, upload_id: str) -> None:
        """Delete a file; without an answer it may be there or not."""
        content = self.kept.pop(upload_id)
        answer = self.setting.ask(f"/{upload_id}", method="DELETE")
        assert answer.status == 204, (answer.body, content[:20])
        self.deleted.add(upload_id)

    def work(self) -> list[Callable[[], None]]:
        """Prepare for a round; return what is then to be done at the same time."""
        for _ in range(2):
            self.upload()
        doomed = list(self.kept)[-2:]
        sent = [self.prepare(300_000), self.prepare(2_000_000)]
        completes = [partial(self.complete, upload_id) for upload_id in sent]
        deletes = [partial(self.delete, upload_id) for upload_id in doomed]
        return [self.upload, self.upload, *completes, *deletes]


def _text(size_bytes: int) -> bytes:
    line = f"{uuid.uuid4()} moonlight on the water\n".encode()
    return line * (size_bytes // len(line))


def _at_once(work: list[Callable[[], None]], then: Callable[[], None] = lambda: None) -> int:
    """Do all of it at the same time, and ``then`` beside it; return how many got no answer."""
    with ThreadPoolExecutor(len(work)) as pool:
        running = [pool.submit(each) for each in work]
        then()
        failures = [future.exception() for future in running]
    for failure in failures:
        assert failure is None or isinstance(failure, OSError), failure  # cut off, and no other answer than a good one
    return sum(failure is not None for failure in failures)


def _kill_after(seconds: float, server: LiveServer) -> None:
    time.sleep(seconds)
    server.kill()


def _rows(setting: Setting) -> dict[str, Any]:
    ran = setting.manage("shell", "--no-imports", "-c", _ROWS)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def _assert_nothing_lost_or_left(clients: Clients) -> None:
    setting, found = clients.setting, _rows(clients.setting)
    rows = {row["id"]: row for row in found["rows"]}
    ready = {row["key"]: row["sha256"] for row in rows.values() if row["status"] == "ready"}
    pending = [row for row in rows.values() if row["status"] == "pending"]
    awaited = {row["staging_key"] for row in pending}
    stored = setting.left()

    lost = [upload_id for upload_id in clients.kept if rows.get(upload_id, {}).get("status") != "ready"]
    assert not lost, "a client was told that it is kept"
    assert not clients.deleted & set(rows), "a client was told that it is gone"
    assert set(clients.waiting) <= set(rows), "what was announced is still announced, or ready"
    assert {key: setting.sha256_of(key) for key in ready} == ready, "every ready row has its bytes"
    without_row = {
        key for key in stored - set(ready)
        if not any(key.startswith(staged) for staged in awaited) and key not in {row["key"] for row in pending}
    }  # fmt: skip
    assert not without_row, "nothing is stored that no row speaks of"
    assert all(row["staging_key"] for row in pending), "nothing that came through the instance is half done"
    assert found["used"] == sum(int(row["size_bytes"]) for row in rows.values())


def test_a_kill_at_any_moment_loses_nothing_and_leaves_nothing(setting: Setting) -> None:
    clients, server = Clients(setting), setting.server
    started = time.monotonic()
    assert _at_once(clients.work()) == 0
    seconds = time.monotonic() - started
    cut_off = 0

    for round_number in range(_ROUNDS):
        work = clients.work()
        # Spread over the time that the work takes, at random within each part of it.
        moment = seconds * (round_number % 10 + random.random()) / min(_ROUNDS, 10)
        cut_off += _at_once(work, partial(_kill_after, moment, server))
        reconciled = setting.manage("reconcile_uploads", "--grace", "0")
        assert reconciled.returncode == 0, reconciled
        _assert_nothing_lost_or_left(clients)
        server.start(migrate=False)

    assert cut_off, "every kill came too late"
    for key, content in clients.cut_off:
        again = setting.send(content, **{"Idempotency-Key": key})
        assert again.status == 201, again.body
    for upload_id in list(clients.waiting):
        _complete_again(clients, upload_id)
    assert setting.manage("reconcile_uploads", "--grace", "0").stdout == "Rows and bytes agree.\n"


def _complete_again(clients: Clients, upload_id: str) -> None:
    """Go on as a client does whose complete was cut off: what a dead instance had in hand is free after 30 s."""
    deadline = time.monotonic() + 45
    while (answer := clients.setting.ask(f"/{upload_id}/complete", {})).status == 409:
        assert time.monotonic() < deadline, answer.body
        time.sleep(1)
    assert answer.status == 200, answer.body
