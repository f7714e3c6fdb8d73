"""The deployment under load, as a client reaches it: one connection a request, and an account of our own."""

import http.client
import json
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 60
_CATEGORY = "verify-rollout"


class NotVerifiable(Exception):
    """The deployment cannot be asked, or its limits refuse; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return what it says.

        Raises:
            NotVerifiable: it is no JSON, so this is not the product.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise NotVerifiable(f"{self.status} without JSON: is this the address of the API?") from error


@dataclass
class Deployment:
    """Where requests go.

    A connection of its own for each request: a client that keeps one may send on it at the moment when the balancer
    closes it, which every balancer does at times, and which says nothing of a roll.
    """

    url: str
    token: str = ""
    run: str = field(default_factory=lambda: secrets.token_hex(4))

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise NotVerifiable("--url is the address of the API, such as https://nocturnal.example.com.")
        self._secure, self._address = parts.scheme == "https", (parts.hostname, parts.port)

    def send(self, method: str, path: str, body: Any = None, *, request_id: str = "", pause_s: float = 0.0) -> Reply:
        """Send one request and return its answer; ``pause_s`` passes in the middle of the body.

        Raises:
            OSError, http.client.HTTPException: there was no whole answer.
        """
        data = b"" if body is None else json.dumps(body).encode()
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(*self._address, timeout=_TIMEOUT_SECONDS)
        try:
            connection.putrequest(method, path)
            for name, value in self._fields(len(data), request_id).items():
                connection.putheader(name, value)
            connection.endheaders()
            half = len(data) // 2 if pause_s else len(data)
            connection.send(data[:half])
            if data[half:]:
                time.sleep(pause_s)
                connection.send(data[half:])
            answer = connection.getresponse()
            return Reply(answer.status, answer.read())
        finally:
            connection.close()

    def _fields(self, length: int, request_id: str) -> dict[str, str]:
        fields = {"Content-Type": "application/json", "Content-Length": str(length), "Connection": "close"}
        if self.token:
            fields["Authorization"] = f"Bearer {self.token}"
        if request_id:
            fields["X-Request-ID"] = request_id
        return fields

    def open_account(self) -> None:
        """Register an account, whose files are then counted and removed with it; its e-mail reaches nobody.

        Raises:
            NotVerifiable: it was not to be had.
        """
        person = {"email": f"verify-rollout-{self.run}@example.com", "password": secrets.token_urlsafe(24)}
        reply = self._required("POST", "/api/v1/auth/register", person, wanted=201)
        self.token = reply.json()["access_token"]

    def close_account(self) -> bool:
        """Remove the account and every row that was made; False when that did not go through, and has to be repeated.

        Each row takes a moment, so after a long run the first try may run out of time; the next finds fewer.
        """
        for _ in range(5):
            try:
                if self.send("DELETE", "/api/v1/me").status in {204, 401}:
                    return True
            except (OSError, http.client.HTTPException):
                continue
        return False

    def announcement(self, number: int) -> dict[str, Any]:
        """Return the body that announces a file of one byte under a name of its own: a row, and no byte."""
        facts = {"content_type": "text/plain", "size_bytes": 1, "sha256": "0" * 64, "category": _CATEGORY}
        return {"filename": f"{self.run}-{number}.txt", **facts}

    def announced(self) -> Counter[int]:
        """Return how many rows there are under each number.

        Raises:
            NotVerifiable: they cannot be listed.
        """
        found: Counter[int] = Counter()
        path = f"/api/v1/uploads?category={_CATEGORY}&limit=100"
        while path:
            page = self._required("GET", path, wanted=200).json()
            found.update(int(row["filename"].removesuffix(".txt").rpartition("-")[2]) for row in page["results"])
            following = urlsplit(page["next"] or "")
            path = f"{following.path}?{following.query}" if following.query else ""
        return found

    def _required(self, method: str, path: str, body: Any = None, *, wanted: int) -> Reply:
        try:
            reply = self.send(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            raise NotVerifiable(f"{method} {path}: no answer ({type(error).__name__})") from error
        if reply.status == http.client.TOO_MANY_REQUESTS:
            raise NotVerifiable(TOO_LOW)
        if reply.status != wanted:
            raise NotVerifiable(f"{method} {path}: {reply.status} instead of {wanted}")
        return reply


TOO_LOW = (
    "The limits refuse the load, so that it would measure them and not the roll. For the time of the run, raise "
    "RATE_LIMIT_API_NORMAL, RATE_LIMIT_AUTH_NORMAL and RATE_LIMIT_UPLOAD_NORMAL (or let staff do so in the admin)."
)
