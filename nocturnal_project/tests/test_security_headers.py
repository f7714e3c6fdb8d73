from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

PAGES = ["/api/v1/me", "/api/nowhere", "/api/health/live", "/admin/login/", "/api/docs/", "/"]
FRONTEND = "https://app.example.com"


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_tells_browsers_to_guess_and_frame_nothing(client: Client, path: str) -> None:
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "base-uri 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_says_which_instance_gave_it(client: Client, settings: Any, path: str) -> None:
    assert client.get(path).headers["X-Instance"] == settings.INSTANCE_ID


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/nowhere", "/api/schema/", "/nowhere"])
def test_an_answer_of_the_api_may_run_nothing(client: Client, path: str) -> None:
    policy = client.get(path).headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/admin/login/", "/api/docs/"])
def test_a_page_may_run_only_what_is_ours(client: Client, path: str) -> None:
    policy = dict(
        directive.split(None, 1) for directive in client.get(path).headers["Content-Security-Policy"].split("; ")
    )

    assert policy["default-src"] == "'self'"
    assert "http" not in policy.get("script-src", "")
    assert "*" not in " ".join(policy.values())


@pytest.mark.parametrize("path", ["/api/v1/me", "/nowhere", "/admin/login/"])
def test_a_bad_host_gets_the_same_headers(client: Client, path: str) -> None:
    headers = client.get(path, HTTP_HOST="evil.example.com").headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_only_https_is_promised_for_the_future(client: Client, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 31_536_000

    assert "max-age=31536000" in client.get("/nowhere", secure=True).headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in client.get("/nowhere").headers


def preflight(api: APIClient, origin: str) -> Any:
    return api.options(
        "/api/v1/auth/login",
        HTTP_ORIGIN=origin,
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="authorization,content-type,idempotency-key",
    )


def test_no_other_origin_may_read_answers_by_default(api: APIClient) -> None:
    assert "Access-Control-Allow-Origin" not in api.get("/api/v1/me", HTTP_ORIGIN=FRONTEND).headers
    assert "Access-Control-Allow-Origin" not in preflight(api, FRONTEND).headers


def test_a_named_origin_may_call_the_api_and_read_our_headers(api: APIClient, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [FRONTEND]

    allowed = preflight(api, FRONTEND)
    refused = api.get("/api/v1/me", HTTP_ORIGIN=FRONTEND)

    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, FRONTEND)
    assert {"authorization", "content-type", "idempotency-key"} <= set(
        allowed.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert "RateLimit" not in allowed.headers  # a question of the browser's, not a try
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, FRONTEND)
    exposed = set(refused.headers["Access-Control-Expose-Headers"].split(", "))
    assert {"RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID", "Link", "Location"} <= exposed
    assert "Access-Control-Allow-Credentials" not in refused.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "https://app.example.com.evil.example", "null", "http://["]
)
def test_an_origin_that_is_not_named_gets_nothing(api: APIClient, settings: Any, origin: str) -> None:
    settings.CORS_ALLOWED_ORIGINS = [FRONTEND]

    answer = api.get("/api/v1/me", HTTP_ORIGIN=origin)

    assert answer.status_code == 401
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_admin_is_never_shared_with_another_origin(client: Client, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [FRONTEND]

    assert "Access-Control-Allow-Origin" not in client.get("/admin/login/", HTTP_ORIGIN=FRONTEND).headers
