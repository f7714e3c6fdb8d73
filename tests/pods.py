"""What tests of several instances ask of them."""

import re
import urllib.request
import uuid

from tests.live_server import Answer, LiveServer
from tests.servers.base import wait_until

PASSWORD = "correct horse battery staple"


def metric(pod: LiveServer, name: str) -> float:
    """Return a metric without labels."""
    return float(re.findall(rf"^{name} (\S+)$", text_of(pod), re.MULTILINE)[0])


def text_of(pod: LiveServer) -> str:
    with urllib.request.urlopen(f"{pod.url}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def uses_redis(pod: LiveServer) -> bool:
    return metric(pod, "nocturnal_ratelimit_store_shared") == 1


def lose_redis(pods: list[LiveServer]) -> None:
    """Return when each instance knows that Redis is away."""
    for pod in pods:
        pod.ask("/api/v1/me", headers=someone())
    assert not any(uses_redis(pod) for pod in pods)


def someone() -> dict[str, str]:
    """The header of a client whom nobody has seen before."""
    number = uuid.uuid4().int
    return {"X-Forwarded-For": f"10.{number % 251}.{number // 251 % 251}.{number // 63001 % 251}"}


def register(pod: LiveServer) -> dict[str, str]:
    person = {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD}
    answer = pod.ask("/api/v1/auth/register", person, headers=someone())
    assert answer.status == 201, answer.body
    return {"email": person["email"], **answer.body}


def me(pod: LiveServer, tokens: dict[str, str]) -> Answer:
    return pod.ask("/api/v1/me", headers={"Authorization": f"Bearer {tokens['access_token']}", **someone()})


def sign_out(pod: LiveServer, tokens: dict[str, str]) -> None:
    answer = pod.ask("/api/v1/auth/logout", {"refresh_token": tokens["refresh_token"]}, headers=someone())
    assert answer.status == 204, answer.body


def wait_until_all_is_well(pods: list[LiveServer]) -> None:
    wait_until(
        lambda: all(metric(pod, "nocturnal_instances_total") == len(pods) and uses_redis(pod) for pod in pods),
        within_s=40,
        failure=lambda: "the instances did not come back to Redis and see each other",
    )
