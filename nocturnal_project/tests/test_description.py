"""The description of the API says what clients need, and its page stands on its own."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

LINK = re.compile(r'(?:src|href)="([^"]+)"')


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]  # untyped library
    described: dict[str, Any] = generator.get_schema(request=None, public=True)
    return described


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation with its path and method."""
    for where, item in schema["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                yield where, method, item[method]


def test_every_operation_has_a_name_of_its_own_a_tag_and_a_summary(schema: dict[str, Any]) -> None:
    found = [operation for _, _, operation in operations(schema)]

    assert len({operation["operationId"] for operation in found}) == len(found)
    assert [operation["operationId"] for operation in found if not operation.get("tags")] == []
    assert [operation["operationId"] for operation in found if not operation.get("description")] == []


def _has_example(content: dict[str, Any]) -> bool:
    return "example" in content or bool(content.get("examples"))


def test_every_json_body_and_every_answer_has_an_example(schema: dict[str, Any]) -> None:
    missing = []
    for _, _, operation in operations(schema):
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        missing += [
            (operation["operationId"], name)
            for name, body in bodies.items()
            for media_type, content in body.get("content", {}).items()
            if media_type != "multipart/form-data" and not _has_example(content)
        ]

    assert missing == []


def test_the_answers_that_every_client_must_expect_are_described(schema: dict[str, Any]) -> None:
    for where, method, operation in operations(schema):
        answers = operation["responses"]
        due = {"429", "503"} if where.startswith("/api/v1/") else set()
        due |= {"401"} if {} not in operation["security"] else set()
        due |= {"400", "422"} if method in ("post", "patch") else set()
        due |= {"404"} if "{" in where else set()

        assert due <= answers.keys(), (method, where)
        for status in due:
            assert answers[status]["content"].keys() == {"application/problem+json"}, (method, where, status)


def test_the_description_is_served_and_valid_json_for_those_who_ask(client: Client) -> None:
    as_json = client.get("/api/schema/?format=json")

    assert client.get("/api/schema/").status_code == as_json.status_code == 200
    assert json.loads(as_json.content)["openapi"].startswith("3.")


Fetch = Callable[[str], str]


@pytest.fixture
def fetch(client: Client) -> Fetch:
    """Read what our own host serves at a path."""

    def text(where: str) -> str:
        answer = client.get(where)
        assert answer.status_code == 200, where
        return b"".join(answer).decode()  # whole, because a file is open until then

    return text


def test_the_browsable_page_needs_nothing_but_our_own_host(fetch: Fetch) -> None:
    page = fetch("/api/docs/")
    links = LINK.findall(page)
    (script,) = (link for link in links if link.startswith("/api/docs/"))
    own = fetch(script)

    assert len(links) > 3
    assert {urlsplit(urljoin("http://testserver/", link)).netloc for link in links} == {"testserver"}
    assert not re.search(r"https?://|[\"'`]//", page + own)
    assert '"validatorUrl": null' in own  # Swagger UI's own default is on swagger.io
    assert "<script>" not in page


def test_the_files_of_the_browsable_page_are_served(client: Client, fetch: Fetch) -> None:
    files = [link for link in LINK.findall(fetch("/api/docs/")) if link.startswith("/static/")]

    assert {link.rpartition(".")[2] for link in files} == {"js", "css", "png"}
    for file in files:
        answer = client.get(file)
        assert (answer.status_code, len(b"".join(answer)) > 100) == (200, True), file
