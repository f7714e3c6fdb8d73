"""Uploads through an instance to S3, against boto3 alone and against multer-s3.

    .venv/bin/python -m benchmarks.uploads [--files 60] [--rounds 3] [--threads 4] [--multer FOLDER]

In one run, to one real S3 server, in turns, with as many uploads at once as there are threads:

    nocturnal   the whole product on MongoDB and Redis: token, limit, type, SHA-256, row, stored, verified, ready
    boto3       upload_fileobj of bytes in memory, by a process that does nothing else
    multer-s3   benchmarks/sides/multer_s3 on Node: nothing looked at, nothing verified (only with --multer, the folder
                in which `npm install` was run with that package.json)

Each server has the first core; S3 and whoever sends have the second. Expected: at least 0.7 of boto3's MB/s, at least
1.5 times multer-s3's. Then how far the instance's memory grows by one upload of each size: expected flat.
"""

import argparse
import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks import load
from benchmarks.load import CLIENT_CORE, SERVER_CORE
from tests import services
from tests.live_server import live_server

_MB = 1024 * 1024
_SIZES = (_MB, 10 * _MB - 1024)
_GROWTH_SIZES = (100 * 1024, *_SIZES)
_HIGH = "1000000000"
_VARIABLES = {
    "LOG_FORMAT": "json",
    "UPLOAD_QUOTA_BYTES": "0",
    **{f"RATE_LIMIT_{policy}_NORMAL": _HIGH for policy in ("API", "AUTH", "UPLOAD")},
    **{f"RATE_LIMIT_{policy}_STRICT": _HIGH for policy in ("API", "AUTH", "UPLOAD")},
}
_EXPECTED = {"boto3": 0.7, "multer-s3": 1.5}
_BOUNDARY = b"nocturnal-benchmark-7f3a"
_FORM = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY.decode()}"}


@dataclass(frozen=True)
class Round:
    """What sending many files showed."""

    mb_per_second: float
    cpu_ms: float


def main() -> None:
    """Measure, print, and end with 1 when an expectation does not hold."""
    arguments = _arguments()
    if not {SERVER_CORE, CLIENT_CORE} <= os.sched_getaffinity(0):
        sys.exit("This needs two cores: one for the server, one for S3 and who sends.")
    with ExitStack() as stack:
        os.sched_setaffinity(0, {CLIENT_CORE})
        around = stack.enter_context(services.start(mongo=1, redis=True, s3=True)).environment
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nocturnal-uploads-")))
        os.sched_setaffinity(0, {SERVER_CORE})
        ours = stack.enter_context(live_server(data_dir=folder / "nocturnal", variables=_VARIABLES | around))
        multer = stack.enter_context(_multer(arguments.multer, around)) if arguments.multer else None
        os.sched_setaffinity(0, {CLIENT_CORE})
        token = ours.ask(
            "/api/v1/auth/register", {"email": "alice@example.com", "password": "correct horse battery staple"}
        ).body["access_token"]
        held = True
        for size in _SIZES:
            sides = {"nocturnal": (f"{ours.url}/api/v1/uploads", ours.pid, token)}
            sides |= {"multer-s3": (multer[0], multer[1], "")} if multer else {}
            held = _compare(arguments, size, sides, around) and held
        _print_growth(f"{ours.url}/api/v1/uploads", load.processes(ours.pid)[-1], token)
    sys.exit(0 if held else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure uploads.")
    parser.add_argument("--files", type=int, default=60, help="of each round; a third of it of the large ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=4, help="uploads at once")
    parser.add_argument("--multer", type=Path, help="folder with multer-s3 installed")
    return parser.parse_args()


def _compare(
    arguments: argparse.Namespace, size: int, sides: dict[str, tuple[str, int, str]], around: dict[str, str]
) -> bool:
    files = arguments.files if size == _MB else max(arguments.files // 3, arguments.threads)
    rounds: dict[str, list[Round]] = defaultdict(list)
    body = _form(size)
    for number in range(arguments.rounds + 1):
        for name, (url, pid, token) in sides.items():
            seen = _send(url, pid, token, body, files=files, threads=arguments.threads)
            if number:  # the first is for warming up
                rounds[name].append(seen)
        seen = _boto3(size, files, arguments.threads, around)
        if number:
            rounds["boto3"].append(seen)
    middle = {
        name: Round(median(each.mb_per_second for each in seen), median(each.cpu_ms for each in seen))
        for name, seen in rounds.items()
    }
    print(f"{size / _MB:>4.0f} MB {'MB/s':>14} {'ms CPU a file':>15}")
    for name, round_ in middle.items():
        print(f"{name:<12} {round_.mb_per_second:>9.1f} {round_.cpu_ms:>15.1f}")
    held = True
    for name, least in _EXPECTED.items():
        if name in middle:
            ratio = middle["nocturnal"].mb_per_second / middle[name].mb_per_second
            held = held and ratio >= least
            verdict = "holds" if ratio >= least else "DOES NOT HOLD"
            print(f"nocturnal / {name}: {ratio:.2f} (expected at least {least}: {verdict})")
    return held


def _form(size_bytes: int) -> bytes:
    head = b'Content-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
    file = b"%PDF-1.7\n" + os.urandom(size_bytes) + b"\n%%EOF"
    return b"--%s\r\n%s%s\r\n--%s--\r\n" % (_BOUNDARY, head, file, _BOUNDARY)


def _send(url: str, pid: int, token: str, body: bytes, *, files: int, threads: int) -> Round:
    address = urlsplit(url)
    headers = _FORM | ({"Authorization": f"Bearer {token}"} if token else {})
    ours = threading.local()

    def send(_number: int) -> int:
        if not hasattr(ours, "connection"):
            ours.connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
        ours.connection.request("POST", address.path or "/", body, headers)
        answer = ours.connection.getresponse()
        said = answer.read()
        assert answer.status == HTTPStatus.CREATED, said
        return answer.status

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(send, range(threads)))
        used, started = load.cpu_seconds(pid), time.perf_counter()
        list(pool.map(send, range(files)))
        seconds = time.perf_counter() - started
    return Round(files * len(body) / _MB / seconds, (load.cpu_seconds(pid) - used) / files * 1000)


def _boto3(size: int, files: int, threads: int, around: dict[str, str]) -> Round:
    command = ["taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "benchmarks.sides.boto3_uploads"]
    arguments = [str(size), str(files), str(threads)]
    said = subprocess.run([*command, *arguments], env=os.environ | around, capture_output=True, text=True, check=True)
    per_second, cpu_seconds = map(float, said.stdout.split())
    return Round(per_second * size / _MB, cpu_seconds * 1000)


@contextmanager
def _multer(folder: Path, around: dict[str, str]) -> Iterator[tuple[str, int]]:
    port = "5999"
    script = Path(__file__).parent / "sides" / "multer_s3" / "server.js"
    environment = os.environ | around | {"PORT": port, "NODE_PATH": str((folder / "node_modules").resolve())}
    process = subprocess.Popen(["node", script], env=environment, stdin=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with ExitStack() as quiet:
                connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=1)
                quiet.callback(connection.close)
                try:
                    connection.request("GET", "/")
                    connection.getresponse().read()
                    break
                except OSError:
                    assert process.poll() is None, "multer-s3 did not start"
                    time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/", process.pid
    finally:
        process.terminate()
        process.wait(10)


def _print_growth(url: str, worker: int, token: str) -> None:
    print("\none upload of       the instance grows by at most")
    for size in _GROWTH_SIZES:
        body = _form(size)
        before, most, over = _resident_mb(worker), [0.0], threading.Event()

        def look(before: float = before, most: list[float] = most, over: threading.Event = over) -> None:
            while not over.wait(0.002):
                most[0] = max(most[0], _resident_mb(worker) - before)

        looking = threading.Thread(target=look)
        looking.start()
        _send(url, worker, token, body, files=3, threads=1)
        over.set()
        looking.join()
        print(f"{size / _MB:>10.1f} MB {most[0]:>15.1f} MB")


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MB


if __name__ == "__main__":
    main()
