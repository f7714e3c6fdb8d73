"""Records what the product acknowledged, and later says what became of it.

The idea is the set workload of Jepsen (https://jepsen.io, ``jepsen.checker/set``): add unique elements
while the system is made to fail, read everything once it is well, and compare. An element that was
acknowledged must be there; one whose answer never came may be there or not; none may be there twice,
and nothing may be there that nobody added. Here an element is a file, added by ``POST /api/v1/uploads``
under an Idempotency-Key of its own, which also makes it safe to add the same one again.
"""

import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any
from uuid import UUID

from pymongo import MongoClient
from pymongo.read_concern import ReadConcern

from tests.live_server import Answer, LiveServer
from tests.servers.base import wait_until

# No limit of the product stands in the way of the writers.
UNLIMITED = {
    f"RATE_LIMIT_{policy}_{mode}": "1000000" for policy in ("AUTH", "API", "UPLOAD") for mode in ("NORMAL", "STRICT")
}
_PASSWORD = "correct horse battery staple"
_PAUSE_SECONDS = 0.2
_BOUNDARY = "a-boundary"
_PART = (
    '--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    "Content-Type: text/plain\r\n\r\n{name}\n\r\n--{boundary}--\r\n"
)


class Outcome(Enum):
    """What is known of a record from its answers alone."""

    ACKNOWLEDGED = "201: it is stored"
    REFUSED = "every answer says that it is not stored"
    UNKNOWN = "503, 409 in progress, or no answer at all: it may be stored"


@dataclass
class Record:
    """One file that somebody tried to store."""

    name: str
    outcome: Outcome = Outcome.UNKNOWN
    upload_id: str = ""


@dataclass(frozen=True)
class Verdict:
    """What became of the records."""

    acknowledged: int
    unknown: int
    refused: int
    lost: int  # acknowledged, and not there, or there without its bytes
    doubled: int
    unexpected: int  # there, and nobody posted it or it was refused
    unknown_stored: int  # of the unknown: there after all
    unknown_pending: int  # of the unknown: a row that says itself that it has no bytes yet

    def table(self) -> str:
        """Return the numbers, one a line."""
        return "\n".join(f"{one.name:>16} {getattr(self, one.name):6}" for one in fields(self))


@dataclass
class Writer:
    """A signed-in user who posts one record after another, and each again while its outcome is unknown."""

    name: str
    servers: Sequence[LiveServer]
    retries: int
    slowest_seconds: float = 0.0
    records: list[Record] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    wrong_answers: list[str] = field(default_factory=list)
    _token: str = ""

    def sign_in(self) -> None:
        """Register; the token outlives a run of ten minutes."""
        alias = {"email": f"{self.name}@example.com", "password": _PASSWORD}
        answer = self.servers[0].ask("/api/v1/auth/register", alias)
        assert answer.status == 201, answer
        self._token = answer.body["access_token"]

    def write_one(self, pause: threading.Event) -> None:
        """Post a new record, each try to another instance."""
        record = Record(f"{self.name}-{len(self.records)}.txt")
        self.records.append(record)
        for attempt in range(1 + self.retries):
            if attempt:
                pause.wait(_PAUSE_SECONDS)
            server = self.servers[(len(self.records) + attempt) % len(self.servers)]
            if self._settled(record, server, first=attempt == 0):
                return

    def stored(self, server: LiveServer) -> list[dict[str, Any]]:
        """Read every page of the user's uploads."""
        found: list[dict[str, Any]] = []
        path = "/api/v1/uploads?limit=100"
        while path:
            page = server.ask(path, headers=self._headers())
            assert page.status == 200, page
            found += page.body["results"]
            path = "/api/" + page.body["next"].split("/api/", 1)[1] if page.body["next"] else ""
        return found

    def _headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}", **more}

    def _settled(self, record: Record, server: LiveServer, *, first: bool) -> bool:
        headers = self._headers(
            **{
                "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
                "Idempotency-Key": record.name,
            }
        )
        body = _PART.format(boundary=_BOUNDARY, name=record.name).encode()
        try:
            answer = server.ask("/api/v1/uploads", body, headers=headers)
        except OSError as error:
            self.answers[type(error).__name__] += 1
            return False
        self.slowest_seconds = max(self.slowest_seconds, answer.seconds)
        self.answers[str(answer.status)] += 1
        match answer.status:
            case 201:
                record.outcome, record.upload_id = Outcome.ACKNOWLEDGED, answer.body["id"]
                return True
            case 503 if "Retry-After" in answer.headers:
                return False
            case 409 if answer.body["code"] == "request_in_progress" and not first:
                return False
        self._note_as_wrong(record, answer)
        if 400 <= answer.status < 500 and first:
            record.outcome = Outcome.REFUSED
            return True
        return False

    def _note_as_wrong(self, record: Record, answer: Answer) -> None:
        said = f"{answer.status} {dict(answer.headers)} {json.dumps(answer.body)}"
        self.wrong_answers.append(f"{record.name}: {said}")


class Recorder:
    """Writers on threads of their own, and what is to be said of their records at the end."""

    def __init__(self, servers: Sequence[LiveServer], uri: str, *, writers: int = 6, retries: int = 3) -> None:
        """Register the writers; each try of a record goes to the next of the servers, whose database is at `uri`."""
        self.servers, self.uri = servers, uri
        self.writers = [Writer(f"writer{number}", servers, retries) for number in range(writers)]
        self._stop = threading.Event()
        for writer in self.writers:
            writer.sign_in()

    @property
    def acknowledged(self) -> int:
        """How many answers were 201 so far."""
        return sum(writer.answers["201"] for writer in self.writers)

    @property
    def slowest_seconds(self) -> float:
        """The longest that any answer took."""
        return max(writer.slowest_seconds for writer in self.writers)

    @property
    def answers(self) -> dict[str, int]:
        """How often which status came, or which error in place of one."""
        return dict(sum((writer.answers for writer in self.writers), Counter()))

    @property
    def wrong_answers(self) -> list[str]:
        """Every answer that a fault of the database does not excuse."""
        return list(itertools.chain.from_iterable(writer.wrong_answers for writer in self.writers))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write as long as the block runs."""
        self._stop.clear()
        with self._threads(endless=True):
            try:
                yield
            finally:
                self._stop.set()

    def write(self, each: int) -> None:
        """Have every writer post so many records."""
        self._stop.clear()
        with self._threads(endless=False, each=each):
            pass

    def await_acknowledgements(self, count: int, *, within_s: float) -> None:
        """Return when so many more records were acknowledged."""
        wanted = self.acknowledged + count
        wait_until(
            lambda: self.acknowledged >= wanted,
            within_s=within_s,
            failure=lambda: f"only {self.acknowledged} of {wanted} acknowledged; answers: {self.answers}",
        )

    def verdict(self) -> Verdict:
        """Read everything back through every instance, when it is ready, and from the set itself, and compare.

        Raises:
            AssertionError: the instances and the database do not show the same.
        """
        rows = _rows(self.uri)
        held = Counter((row["filename"], row["status"]) for row in rows)
        for server in self.servers:
            wait_until(
                lambda server=server: server.ask("/api/health/ready").status == 200,  # type: ignore[misc]
                within_s=20,
                failure=server.log_tail,
            )
            shown = Counter(
                (row["filename"], row["status"]) for writer in self.writers for row in writer.stored(server)
            )
            assert shown == held, f"shown, not held: {shown - held}; held, not shown: {held - shown}"
        return judge([record for writer in self.writers for record in writer.records], rows)

    @contextmanager
    def _threads(self, *, endless: bool, each: int = 0) -> Iterator[None]:
        def work(writer: Writer) -> None:
            for _ in itertools.count() if endless else range(each):
                if self._stop.is_set():
                    return
                writer.write_one(self._stop)

        threads = [threading.Thread(target=work, args=(writer,)) for writer in self.writers]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.join()


def judge(records: Sequence[Record], rows: Sequence[dict[str, Any]]) -> Verdict:
    """Compare what was said with what is there; a row is {id, filename, status}."""
    outcomes = Counter(record.outcome for record in records)
    times = Counter(row["filename"] for row in rows)
    ready = {(row["filename"], row["id"]) for row in rows if row["status"] == "ready"}
    status = {row["filename"]: row["status"] for row in rows}
    unknown = [status.get(record.name) for record in records if record.outcome is Outcome.UNKNOWN]
    may_be_there = {record.name for record in records if record.outcome is not Outcome.REFUSED}
    return Verdict(
        acknowledged=outcomes[Outcome.ACKNOWLEDGED],
        unknown=outcomes[Outcome.UNKNOWN],
        refused=outcomes[Outcome.REFUSED],
        lost=sum(r.outcome is Outcome.ACKNOWLEDGED and (r.name, r.upload_id) not in ready for r in records),
        doubled=sum(count > 1 for count in times.values()),
        unexpected=sum(name not in may_be_there for name in times),
        unknown_stored=unknown.count("ready"),
        unknown_pending=unknown.count("pending"),
    )


def _rows(uri: str) -> list[dict[str, Any]]:
    """What a majority of the set holds, once it holds all that the primary does."""
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=10_000) as client:
        await_copies(client)
        uploads = client.get_default_database().get_collection("uploads_upload", read_concern=ReadConcern("majority"))
        return [
            {"id": str(UUID(row["_id"])), "filename": row["filename"], "status": row["status"]}
            for row in uploads.find({})
        ]


def await_copies(client: MongoClient[dict[str, Any]]) -> None:
    """Return when a majority has everything that the primary has: a note at the end of the log reached it."""
    majority = {"w": "majority", "wtimeout": 30_000}
    client.admin.command({"appendOplogNote": 1, "data": {"why": "copied so far"}, "writeConcern": majority})
