"""What uploads cost an instance in memory: real uploads at once, on local files and on S3."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live_server import LiveServer, live_server
from tests.services import start

_MOST_GROWTH_BYTES = 16 * 1024 * 1024
_AT_ONCE = 10
_LIMITS = {"RATE_LIMIT_AUTH_NORMAL": "100", "RATE_LIMIT_UPLOAD_NORMAL": "100"}


@pytest.mark.parametrize("s3", [False, True], ids=["local files", "S3"])
def test_ten_uploads_of_10_mb_at_once_are_never_in_memory(tmp_path: Path, s3: bool) -> None:
    with (
        start(s3=s3) as services,
        live_server(data_dir=tmp_path / "data", variables=services.environment | _LIMITS) as server,
    ):
        tokens = [_token(server) for _ in range(_AT_ONCE)]
        for _ in range(3):
            assert _upload_all(server, tokens, _body(300_000)) == [201] * _AT_ONCE

        with _peak_growth_of(_worker_of(server.pid)) as growth_bytes:
            statuses = _upload_all(server, tokens, _body(10 * 1024 * 1024))

        assert statuses == [201] * _AT_ONCE
        assert growth_bytes[0] <= _MOST_GROWTH_BYTES


def _token(server: LiveServer) -> str:
    person = {"email": f"{uuid.uuid4()}@example.com", "password": "correct horse battery staple"}
    return str(server.ask("/api/v1/auth/register", person).body["access_token"])


def _body(size_bytes: int) -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
    return head + b"moonlit\n" * (size_bytes // 8) + b"\r\n--x--\r\n"


def _upload_all(server: LiveServer, tokens: list[str], body: bytes) -> list[int]:
    def upload(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=x"}
        return server.ask("/api/v1/uploads", body, headers=headers, timeout_s=60).status

    with ThreadPoolExecutor(len(tokens)) as pool:
        return list(pool.map(upload, tokens))


def _worker_of(master: int) -> int:
    return int(Path(f"/proc/{master}/task/{master}/children").read_text().split()[0])


def _resident_bytes(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


@contextmanager
def _peak_growth_of(pid: int) -> Iterator[list[int]]:
    """Look every few milliseconds; the kernel's own high-water mark would include what was before."""
    before, growth, over = _resident_bytes(pid), [0], threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            growth[0] = max(growth[0], _resident_bytes(pid) - before)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield growth
    finally:
        over.set()
        looking.join()
