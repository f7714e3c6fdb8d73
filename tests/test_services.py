"""The servers of services.py start, fail on demand, and leave nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis
from botocore.config import Config
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tests.servers.base import Keeper, Process
from tests.servers.ports import ReservedPorts
from tests.services import (
    MongoServer,
    RedisServer,
    S3Server,
    ServiceFailed,
    ServiceMissing,
    Services,
    open_all,
    start,
)

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def servers() -> Iterator[Services]:
    with start(mongo=3, redis=True, s3=True) as services:
        yield services


def _redis(server: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(server.url, socket_timeout=0.5, socket_connect_timeout=0.5)


def _fill(client: redis.Redis) -> None:
    for number in range(100):
        client.set(f"key-{number}", b"x" * 100_000)


def _mongo(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=10_000)


def _count(server: MongoServer) -> int:
    with _mongo(server.uri) as client:
        return client["nocturnal"]["things"].count_documents({})


def _insert(server: MongoServer, name: str) -> None:
    with _mongo(server.uri) as client:
        client["nocturnal"]["things"].insert_one({"_id": name})


# --- Each answers, and fails as it is told to -------------------------------------------------------


def test_every_server_answers_its_client(servers: Services) -> None:
    _insert(servers.mongo, "first")
    assert _count(servers.mongo) == 1
    with _redis(servers.redis) as client:
        assert client.ping()
    s3 = boto3.client(
        "s3",
        endpoint_url=servers.s3.endpoint,
        aws_access_key_id=servers.s3.access_key,
        aws_secret_access_key=servers.s3.secret_key,
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 0}),
    )
    s3.put_object(Bucket=servers.s3.bucket, Key="a", Body=b"bytes")
    assert s3.get_object(Bucket=servers.s3.bucket, Key="a")["Body"].read() == b"bytes"
    s3.close()


def test_the_environment_names_every_server(servers: Services) -> None:
    variables = servers.environment
    assert variables["MONGODB_URI"] == servers.mongo.uri
    assert variables["REDIS_URL"] == servers.redis.url
    assert variables["S3_ENDPOINT_URL"] == servers.s3.endpoint


def test_a_server_that_was_not_asked_for_is_a_lookup_error(servers: Services) -> None:
    with pytest.raises(LookupError, match="NginxServer"):
        _ = servers.nginx


def test_servers_listen_on_localhost_only(servers: Services) -> None:
    ours = {m.port for m in servers.mongo.members} | {servers.redis.port, *servers.s3.process.ports}
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
    listening = [line.split()[1].split(":") for line in lines if line.split()[3] == "0A"]
    assert {address for address, port in listening if int(port, 16) in ours} == {"0100007F"}


@pytest.mark.parametrize("how", ["kill", "stop", "freeze", "step_down"])
def test_another_primary_is_elected_and_the_old_one_comes_back(servers: Services, how: str) -> None:
    before = servers.mongo.primary
    known = _count(servers.mongo)
    getattr(before, how)()
    assert servers.mongo.primary is not before
    if how == "freeze":
        before.thaw()
    elif how != "step_down":
        before.start()
    deadline = time.monotonic() + 20
    while before not in servers.mongo.secondaries:
        assert time.monotonic() < deadline, "the old primary did not come back"
        time.sleep(0.1)
    # Only now: mongod can keep a majority write for 20 s when the member it copies from is frozen.
    _insert(servers.mongo, f"after {how}")
    assert _count(servers.mongo) == known + 1


def test_a_command_can_be_made_to_fail(servers: Services) -> None:
    point = {"configureFailPoint": "failCommand", "mode": {"times": 1}}
    with servers.mongo.primary.connect() as client:
        client.admin.command(point, data={"failCommands": ["count"], "errorCode": 2})
        with pytest.raises(OperationFailure, match="failCommand"):
            client["nocturnal"].command("count", "things")
        assert client["nocturnal"].command("count", "things")["ok"]


def test_a_frozen_redis_is_silent_and_answers_when_thawed(servers: Services) -> None:
    with _redis(servers.redis) as client:
        servers.redis.freeze()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        servers.redis.thaw()
        assert client.ping()


def test_s3_keeps_objects_over_a_crash(servers: Services) -> None:
    port = servers.s3.port
    servers.s3.kill()
    servers.s3.start()
    assert servers.s3.port == port
    assert servers.s3._request("GET", f"/{servers.s3.bucket}") == 200


def test_redis_keeps_data_over_a_crash_when_told_to() -> None:
    with RedisServer(persist=True, password="secret") as server, _redis(server) as client:
        client.set("name", "alice")
        time.sleep(1.1)  # Redis syncs its log once a second
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        server.start()
        assert client.get("name") == b"alice"


def test_redis_refuses_a_wrong_password_and_more_than_its_memory() -> None:
    with RedisServer(password="secret", maxmemory="3mb") as server:
        wrong = redis.Redis(port=server.port, password="guess")
        with pytest.raises(redis.AuthenticationError):
            wrong.ping()
        wrong.close()
        with _redis(server) as client, pytest.raises(redis.exceptions.OutOfMemoryError):
            _fill(client)


def test_mongo_refuses_a_wrong_password() -> None:
    with MongoServer(user="nocturnal", password="p@ss:word/") as server:
        _insert(server, "as the right user")
        wrong = _mongo(server.uri_as("nocturnal", "guess"))
        with wrong, pytest.raises(OperationFailure, match="Authentication failed"):
            wrong["nocturnal"]["things"].find_one()


def test_a_full_disk_of_the_database_can_be_made_and_freed() -> None:
    with MongoServer(disk_mb=400) as server:
        _insert(server, "while there is room")
        disk = server.small_disk(server.members[0])
        filler = os.open(disk / "filler", os.O_CREAT | os.O_WRONLY)
        os.posix_fallocate(filler, 0, os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize)
        os.close(filler)
        assert os.statvfs(disk).f_bavail == 0
        (disk / "filler").unlink()
        _insert(server, "again")
        assert _count(server) == 2


# --- Starting ---------------------------------------------------------------------------------------


def test_ports_in_use_are_not_given_out_twice() -> None:
    one, another = ReservedPorts(), ReservedPorts()
    taken = one.take(300) + another.take(300)
    one.release()
    another.release()
    assert len(set(taken)) == 600


def test_a_port_that_a_stranger_took_first_is_tried_elsewhere() -> None:
    stranger = socket.socket()
    stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the port may have served a moment ago
    tried: list[int] = []

    def command(ports: list[int]) -> list[str]:
        if not tried:
            stranger.bind(("127.0.0.1", ports[0]))
            stranger.listen()
        tried.append(ports[0])
        return ["redis-server", "--port", str(ports[0]), "--bind", "127.0.0.1"]

    def answers() -> bool:
        if process.port == tried[0]:
            return False  # that is the stranger
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", process.port)) == 0

    keeper = Keeper()
    process = Process(keeper, "redis-server", command, answers=answers)
    process.start()
    keeper.close()
    stranger.close()
    assert len(tried) == 2


def test_a_server_that_will_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServiceFailed, match=r"redis-server ended with code 1;[\s\S]*argument must be a memory value"):
        RedisServer(maxmemory="plenty", root=tmp_path).open()
    assert list(tmp_path.iterdir()) == []


def test_one_that_will_not_start_ends_the_others(tmp_path: Path) -> None:
    good, bad = RedisServer(root=tmp_path), RedisServer(maxmemory="plenty", root=tmp_path)
    with pytest.raises(ServiceFailed):
        open_all([S3Server(root=tmp_path), good, bad])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_program_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceMissing) as missing:
        RedisServer()
    assert str(missing.value) == 'redis-server is missing: run "apt-get install redis-server"'


# --- Ending -----------------------------------------------------------------------------------------

_OWNER = """
    import os, sys, time
    from tests.services import start

    how, when = sys.argv[1:]
    def say(word):
        print(word, flush=True)
    say("starting")
    with start(mongo=1, redis=True, s3=True, pods=[1]) as services:
        if when == "forked" and os.fork() == 0:  # a child that outlives its parent and holds its sockets
            time.sleep(20)
            os._exit(0)
        say("up")
        if how == "exception":
            raise ValueError("on purpose")
        if how != "return":
            time.sleep(60)
"""


@pytest.mark.parametrize(
    ("how", "when"),
    [
        *(("return", "up"), ("exception", "up"), ("SIGINT", "up"), ("SIGTERM", "up"), ("SIGKILL", "up")),
        *(("SIGINT", "starting"), ("SIGKILL", "starting"), ("return", "forked"), ("SIGKILL", "forked")),
    ],
)
def test_nothing_is_left_however_the_owner_ends(how: str, when: str, tmp_path: Path) -> None:
    sockets_before = _seaweedfs_sockets()
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_OWNER), how, when],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert owner.stdout
    with owner.stdout as said:
        for line in said:
            if line.strip() == ("starting" if when == "starting" else "up"):
                break
        else:
            pytest.fail("the owner did not get so far")
        if when == "starting":
            time.sleep(1)
        if how.startswith("SIG"):
            os.kill(owner.pid, getattr(signal, how))
        owner.wait(20)
    deadline = time.monotonic() + 10
    while (left := _left_behind(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
    assert _seaweedfs_sockets() <= sockets_before
    if when == "forked":
        os.killpg(owner.pid, signal.SIGKILL)


def _seaweedfs_sockets() -> set[Path]:
    return set(Path("/tmp").glob("seaweedfs-*"))


def _left_behind(folder: Path) -> list[str]:
    """What lies in the folder, and every process that works in it."""
    left = [str(path) for path in folder.iterdir()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str((process / "cwd").readlink()).startswith(str(folder)):
                left.append((process / "cmdline").read_text())
        except OSError:
            continue  # it ended while we looked
    return left
