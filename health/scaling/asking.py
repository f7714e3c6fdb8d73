"""Requests as strangers send them: each on a connection of its own, and without cookies unless told."""

import http.client
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_SECONDS = 15
_BAD = 400


class NoAnswer(Exception):
    """The address does not answer, or not as Nocturnal does; the sentence says how."""


class Answer(NamedTuple):
    """What came back; ``instance`` is empty where no instance said that it was it, as in an answer of S3."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    instance: str

    @property
    def facts(self) -> Any:
        """The JSON, or nothing where there is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def problem(self) -> str:
        """A refusal in words."""
        said = self.facts if isinstance(self.facts, dict) else {}
        return f"{self.status} {said.get('code', '')}".strip() + (f": {said['detail']}" if said.get("detail") else "")


class Address:
    """Where the instances are reached."""

    def __init__(self, url: str) -> None:
        """Take the address without what follows the host, except a path that all paths begin with.

        Raises:
            ValueError: it is no http or https address.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("Give --url as https://host or http://host:port.")
        self.url = url.rstrip("/")

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request on a new connection; bytes as they are, anything else as JSON.

        Raises:
            NoAnswer: there was none.
        """
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", "Connection": "close", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return fetch(method, f"{self.url}{path}", data, sent)


def fetch(method: str, url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Send one request to any address.

    Raises:
        NoAnswer: there was none.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_SECONDS)
    try:
        connection.request(
            method, f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}", data, headers or {}
        )
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"{parts.scheme}://{parts.netloc} did not answer ({type(error).__name__}).") from error
    finally:
        connection.close()
    return Answer(answer.status, answer.headers, content, answer.headers.get("X-Instance", ""))


def require(answer: Answer, what: str) -> Answer:
    """Return an answer that is no refusal.

    Raises:
        NoAnswer: it is one.
    """
    if answer.status >= _BAD:
        raise NoAnswer(f"{what} was refused by {answer.instance or 'who answered'}: {answer.problem}")
    return answer
