"""Rotation over two running instances with one database: by the command that an operator types."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from tests.live_server import ROOT, LiveServer, live_servers
from tests.services import MongoServer

_ALICE = {"email": "alice@example.com", "password": "correct horse battery staple"}


@pytest.fixture(scope="module", params=["HS256", "EdDSA"])
def pods(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LiveServer]]:
    folder = tmp_path_factory.mktemp(request.param)
    with MongoServer(replicas=1) as mongo:
        variables = {"MONGODB_URI": mongo.uri, "JWT_ALGORITHM": request.param}
        with live_servers(folder, {"a": variables, "b": variables}, migrate=["a"]) as servers:
            registered = servers[0].ask("/api/v1/auth/register", _ALICE)
            assert registered.status == 201, registered.body
            yield servers


def _rotate(pod: LiveServer, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", "rotate_signing_key", *arguments],
        cwd=ROOT, env=pod.environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


def _sign_in(pod: LiveServer) -> dict[str, Any]:
    answer = pod.ask("/api/v1/auth/login", _ALICE)
    assert answer.status == 200, answer.body
    session: dict[str, Any] = answer.body
    return session


def _me(pod: LiveServer, session: dict[str, Any]) -> str:
    answer = pod.ask("/api/v1/me", headers={"Authorization": f"Bearer {session['access_token']}"})
    return "good" if answer.status == 200 else f"{answer.status} {answer.body['code']}"


def _kid(session: dict[str, Any]) -> str:
    return str(jwt.get_unverified_header(session["access_token"])["kid"])


def _read_the_ring(pod: LiveServer) -> None:
    """Make a pod look for a key that it does not know, as a token of a new one would."""
    made_up = jwt.encode({}, "x" * 32, "HS256", headers={"kid": "0123456789abcdef"})
    pod.ask("/api/v1/me", headers={"Authorization": f"Bearer {made_up}"})


def test_a_key_is_rotated_and_a_leaked_one_revoked_under_running_instances(pods: list[LiveServer]) -> None:
    a, b = pods
    old = _sign_in(a)
    assert (_me(a, old), _me(b, old)) == ("good", "good")

    _rotate(a, "--now")
    _read_the_ring(a)
    new = _sign_in(a)

    assert _kid(new) != _kid(old)
    assert _me(b, new) == "good"  # which has not read the ring since, but for this name
    assert (_me(a, old), _me(b, old)) == ("good", "good")

    said = _rotate(b, "--now", "--revoke-old")
    for pod in pods:
        _read_the_ring(pod)

    assert re.findall(r"(?:HS256|EdDSA) +(\w+)", said) == ["signing", "revoked", "revoked", "revoked"]
    assert {_me(pod, session) for pod in pods for session in (old, new)} == {"401 token_expired"}
    refreshed = a.ask("/api/v1/auth/refresh", {"refresh_token": new["refresh_token"]})
    assert refreshed.status == 200
    assert (_me(a, refreshed.body), _me(b, refreshed.body)) == ("good", "good")


def test_the_public_keys_are_the_same_on_every_instance_or_nowhere(pods: list[LiveServer]) -> None:
    answers = [pod.ask("/.well-known/jwks.json") for pod in pods]

    asymmetric = pods[0].environment["JWT_ALGORITHM"] == "EdDSA"
    assert {answer.status for answer in answers} == ({200} if asymmetric else {404})
    if asymmetric:
        assert answers[0].body == answers[1].body
        assert answers[0].body["keys"][0]["kty"] == "OKP"
