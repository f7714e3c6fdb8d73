"""A database that is wrongly named, refuses us, is not there yet, or is full: each is an answer, and each ends."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from pymongo.errors import AutoReconnect

from tests.durability import UNLIMITED
from tests.live_server import ROOT, Answer, LiveServer, live_server
from tests.servers.base import wait_until
from tests.services import Member, MongoServer

_LONGEST_SECONDS = 6.5  # six, and what this machine takes on top
_BACK_WITHIN_SECONDS = 20.0
_ALICE = {"email": "alice@example.com", "password": "correct horse battery staple"}
_LIVE = "/api/health/live"

_WRONG_URIS = {
    "no mongodb at all": "postgres://nocturnal:hunter2@127.0.0.1:27017/nocturnal",
    "a scheme of nobody": "mongo://nocturnal:hunter2@127.0.0.1:27017/nocturnal",
    "an unescaped password": "mongodb://nocturnal:hunter2/@:x@127.0.0.1:27017/nocturnal",
    "a port that is none": "mongodb://nocturnal:hunter2@127.0.0.1:hunter2/nocturnal",
    "no host": "mongodb://nocturnal:hunter2@/nocturnal",
}


def _variables(folder: Path, uri: str) -> dict[str, str]:
    return LiveServer(data_dir=folder, variables={"MONGODB_URI": uri}).environment


@pytest.mark.parametrize("uri", _WRONG_URIS.values(), ids=_WRONG_URIS.keys())
def test_a_wrong_uri_ends_the_check_with_one_sentence_and_no_password(uri: str, tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "check"]
    said = subprocess.run(
        command, cwd=ROOT, env=_variables(tmp_path, uri), capture_output=True, text=True, timeout=60, check=False
    )

    assert said.returncode == 1
    assert said.stdout == ""
    assert said.stderr.startswith("Configuration: MONGODB_URI ")
    assert said.stderr.count("\n") == 1
    assert "hunter2" not in said.stderr


def test_a_wrong_uri_ends_the_server_with_the_same_sentence(tmp_path: Path) -> None:
    server = LiveServer(data_dir=tmp_path, variables={"MONGODB_URI": _WRONG_URIS["a port that is none"]})
    with pytest.raises(AssertionError, match="The server ended with 3"):
        server.start(migrate=False)

    said = server.log_path.read_text()
    assert "Nocturnal does not start until this is mended:\n  MONGODB_URI cannot be read" in said
    assert "hunter2" not in said
    assert "Traceback" not in said


def _assert_says_that_it_cannot(server: LiveServer) -> None:
    """Alive, not ready, and whoever needs the database is told so in time."""
    wait_until(  # what a probe found is good for two seconds
        lambda: server.ask("/api/health/ready").status == 503, within_s=10, failure=server.log_tail
    )
    with ThreadPoolExecutor() as people:
        asked = [(_LIVE, None), ("/api/health/ready", None), ("/api/v1/auth/login", _ALICE)]
        live, ready, signing_in = people.map(lambda question: server.ask(*question), asked)
    assert (live.status, ready.status, ready.body["status"]) == (200, 503, "not_ready")
    assert (signing_in.status, signing_in.body["code"]) == (503, "service_unavailable")
    assert int(signing_in.headers["Retry-After"]) > 0
    assert max(answer.seconds for answer in (live, ready, signing_in)) < _LONGEST_SECONDS
    assert "unhandled error" not in server.log_path.read_text()


def _await_ready(server: LiveServer) -> None:
    wait_until(
        lambda: server.ask("/api/health/ready").status == 200, within_s=_BACK_WITHIN_SECONDS, failure=server.log_tail
    )


def test_with_a_wrong_password_it_starts_and_says_that_it_is_not_ready(tmp_path: Path) -> None:
    with MongoServer(user="nocturnal", password="p@ss:word/") as mongo:
        wrong = {"MONGODB_URI": mongo.uri_as("nocturnal", "hunter2")}
        with live_server(data_dir=tmp_path, variables=wrong, migrate=False, wait_for=_LIVE) as server:
            _assert_says_that_it_cannot(server)
            wait_until(
                lambda: "Authentication failed" in server.log_path.read_text(),
                within_s=20,
                failure=lambda: "The log does not say why",
            )
            assert "hunter2" not in server.log_path.read_text()


def test_started_before_its_database_it_recovers_by_itself(tmp_path: Path) -> None:
    with MongoServer() as mongo:
        (mongod,) = mongo.members
        variables = {"MONGODB_URI": mongo.uri}
        LiveServer(data_dir=tmp_path, variables=variables).migrate()
        mongod.kill()
        with live_server(data_dir=tmp_path, variables=variables, migrate=False, wait_for=_LIVE) as server:
            _assert_says_that_it_cannot(server)
            mongod.start()
            _await_ready(server)
            assert server.ask("/api/v1/auth/register", _ALICE).status == 201


def test_started_before_its_database_was_ever_migrated_it_waits_for_that(tmp_path: Path) -> None:
    with MongoServer() as mongo:
        variables = {"MONGODB_URI": mongo.uri}
        with live_server(data_dir=tmp_path, variables=variables, migrate=False, wait_for=_LIVE) as server:
            assert server.ask("/api/health/ready").status == 503
            server.migrate()
            _await_ready(server)
            assert server.ask("/api/v1/auth/register", _ALICE).status == 201


def _fill_the_disk_of(mongo: MongoServer, member: Member) -> None:
    """Leave no byte, and have the checkpoint at once that mongod makes every minute: it ends by itself."""
    disk = mongo.small_disk(member)
    filler = os.open(disk / "filler", os.O_CREAT | os.O_WRONLY)
    try:
        room = os.statvfs(disk)
        os.posix_fallocate(filler, 0, room.f_bavail * room.f_frsize)
    finally:
        os.close(filler)
    with suppress(AutoReconnect), member.connect() as client:
        client.admin.command("fsync")
    wait_until(lambda: member.exit_code() is not None, within_s=20, failure=lambda: "mongod goes on with a full disk")


def _register_until_it_works(server: LiveServer, name: str) -> Iterator[Answer]:
    """Try again as a patient client does, and give every answer."""
    person = {**_ALICE, "email": f"{name}@example.com"}
    for _ in range(20):
        answer = server.ask("/api/v1/auth/register", person)
        yield answer
        if answer.status == 201:
            return


def test_a_full_disk_takes_one_member_and_the_product_goes_on_and_three_take_it_down(tmp_path: Path) -> None:
    with MongoServer(replicas=3, disk_mb=400) as mongo:
        variables = {"MONGODB_URI": mongo.uri, **UNLIMITED}
        with live_server(data_dir=tmp_path, variables=variables) as server:
            assert server.ask("/api/v1/auth/register", _ALICE).status == 201
            full = mongo.primary
            _fill_the_disk_of(mongo, full)
            answers = list(_register_until_it_works(server, "bob"))
            assert [answer.status for answer in answers] == [503] * (len(answers) - 1) + [201]
            assert max(answer.seconds for answer in answers) < _LONGEST_SECONDS
            assert all("Retry-After" in answer.headers for answer in answers[:-1])
            assert server.ask("/api/v1/auth/login", _ALICE).status == 200

            full.start()  # on an empty disk, which the others fill
            wait_until(
                lambda: full in mongo.secondaries, within_s=30, failure=lambda: "it did not copy the others' data"
            )
            for member in mongo.members:
                _fill_the_disk_of(mongo, member)
            _assert_says_that_it_cannot(server)
