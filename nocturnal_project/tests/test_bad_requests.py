import pytest
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

LOGIN = "/api/v1/auth/login"
JSON = "application/json"


def post(body: bytes, content_type: str = JSON, **fields: str) -> tuple[int, str]:
    """Post a raw body to the login and return the status and the code of its answer."""
    answer = Client().generic("POST", LOGIN, body, content_type=content_type, **fields)  # type: ignore[arg-type]  # META
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'email': 1}",
        b'{"email": "a@example.com",}',
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'{"email": NaN}',
        b'{"email": -Infinity}',
        b'{"email": ' + b"9" * 10_000 + b"}",
        b'{"email": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"email": "\xff\xfe"}',
        b"\xef\xbb\xbf{}",
        '{"email": "a"}'.encode("utf-16"),
        b"\x00",
        b" ",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_not_json_in_utf_8_is_malformed(body: bytes) -> None:
    assert post(body) == (400, "malformed_request")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'"text"', b"1", b"[{}]", b'{"email": {"a": []}}'])
def test_json_of_the_wrong_shape_is_invalid_input(body: bytes) -> None:
    assert post(body) == (422, "invalid_input")


def test_a_body_above_the_limit_is_refused_before_it_is_parsed() -> None:
    assert post(b"[" * 100_000) == (413, "body_too_large")
    assert post(b" " * (settings.MAX_JSON_BYTES + 1)) == (413, "body_too_large")


def test_a_body_of_65_mb_is_refused_by_its_announced_length_alone() -> None:
    assert post(b"{}", CONTENT_LENGTH=str(65 * 1024 * 1024)) == (413, "body_too_large")


def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert post(b"{}".ljust(settings.MAX_JSON_BYTES)) == (422, "invalid_input")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense"]
)
def test_a_body_of_another_type_is_not_supported(content_type: str) -> None:
    assert post(b'{"email": "a@example.com"}', content_type) == (415, "unsupported_media_type")


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_the_type_may_be_spelt_as_http_lets_it(content_type: str) -> None:
    status, code = post(b'{"email": "nobody@example.com", "password": "x"}', content_type)

    assert (status, code) == (401, "invalid_credentials")


def test_a_chunked_body_needs_a_length() -> None:
    answer = Client().generic("POST", LOGIN, b"", content_type=JSON, HTTP_TRANSFER_ENCODING="chunked")

    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


def test_an_unknown_field_is_named(api: APIClient) -> None:
    body = {"email": "a@example.com", "password": "x", "is_staff": True}

    answer = api.post("/api/v1/auth/register", body)

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "#/is_staff", "code": "unknown_field", "detail": "There is no such field."}
    ]


@pytest.mark.parametrize("host", ["evil.example.com", "localhost.evil.example.com", "a b", "localhost:port", ""])
@pytest.mark.parametrize("path", ["/api/v1/me", "/admin/login/", "/nowhere"])
def test_a_host_that_is_not_ours_is_refused(host: str, path: str) -> None:
    answer = Client().get(path, HTTP_HOST=host)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
    assert answer.headers["X-Request-ID"]


@pytest.mark.django_db
def test_a_probe_may_come_by_any_address() -> None:
    assert Client().get("/api/health/live", HTTP_HOST="10.0.3.17:5000").status_code == 200


def test_a_call_without_credentials_is_challenged(api: APIClient) -> None:
    answer = api.get("/api/v1/me")

    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_required")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer a b", "Basic YTpi", "Bearer a.b.c", "", "Bearer x, Bearer y", "Bearer é"]
)
def test_a_bad_authorization_header_is_challenged_and_never_anonymous(api: APIClient, header: str) -> None:
    answer = api.get("/api/v1/me", HTTP_AUTHORIZATION=header)

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_a_form_of_the_admin_without_its_protection_token_is_refused() -> None:
    browser = Client(enforce_csrf_checks=True)

    answer = browser.post("/admin/login/", {"username": "a@example.com", "password": "x"})

    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_a_broken_multipart_form_is_the_senders_fault() -> None:
    answer = Client().generic("POST", "/admin/login/", b"x", content_type="multipart/form-data")

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
