import re

import pytest
from django.test import Client

MADE_BY_US = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize(
    "given",
    [
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "Root=1-67891233-abcdef012345678912345678",
        "4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7",
        "1",
        "a" * 128,
    ],
)
def test_a_sane_id_is_taken_over_and_echoed(client: Client, given: str) -> None:
    answer = client.get("/nowhere", HTTP_X_REQUEST_ID=given)

    assert answer.headers["X-Request-ID"] == given
    assert answer.json()["request_id"] == given


@pytest.mark.parametrize(
    "given",
    [
        "",
        "a" * 129,
        "a" * 100_000,
        "two words here",
        "forged-line\r\nSet-Cookie: a=b",
        "forged-line\n",
        'quote"and{brace}',
        "nul-\x00-inside",
        "colour-\x1b[31m",
        "Zürich-Zürich",
        "١٢٣٤٥٦٧٨٩",
    ],
)
def test_an_id_that_is_not_sane_is_replaced(client: Client, given: str) -> None:
    answer = client.get("/nowhere", HTTP_X_REQUEST_ID=given)

    assert MADE_BY_US.fullmatch(answer.headers["X-Request-ID"])
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_every_request_without_an_id_gets_one_of_its_own(client: Client) -> None:
    ids = {client.get("/api/health/live").headers["X-Request-ID"] for _ in range(5)}

    assert len(ids) == 5
    assert all(MADE_BY_US.fullmatch(made) for made in ids)


def test_pages_redirects_and_static_files_carry_an_id_too(client: Client) -> None:
    for path in ("/", "/admin/login/", "/static/favicon.svg", "/api/docs/"):
        answer = client.get(path)
        list(answer)  # a file is open until it is read
        assert MADE_BY_US.fullmatch(answer.headers["X-Request-ID"]), path
