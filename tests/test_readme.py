"""The README is a promise: its tour is pasted into real shells, and its lists are held against the code."""

import importlib
import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.conf import settings

from nocturnal_project.errors import NocturnalError
from ratelimits.policies import OVERRIDABLE, POLICIES, SHADOW, variable_of
from tests.live_server import MIGRATE, ROOT, SERVE, LiveServer, live_server

README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = README.partition("## The five-minute tour")[2].partition("\n## ")[0]
_ADDRESS = "http://127.0.0.1:5000"
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "--- end of block"
# The local limiter counts in fixed windows. A day instead of 15 minutes, so that no edge of one falls into the tour.
_LONG_WINDOW = {"RATE_LIMIT_AUTH_WINDOW": "86400"}
_STAFF = ("sam@example.com", "seven lanterns at midnight")


@pytest.fixture(scope="module", params=["bash", "dash"])
def toured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveServer, str]]:
    """A server, and the path of a shell that the tour is to be pasted into."""
    path = shutil.which(request.param)
    assert path, f"{request.param} is not installed: make servers does it"
    home = tmp_path_factory.mktemp(request.param)
    (home / "manage.py").symlink_to(ROOT / "manage.py")
    (home / ".venv").symlink_to(sys.prefix)
    with live_server(data_dir=home / "var", variables=_LONG_WINDOW) as server:
        yield server, path


@pytest.fixture(scope="module")
def outputs(toured: tuple[LiveServer, str]) -> list[str]:
    """What each block of the tour printed when it was pasted after the one before."""
    server, shell = toured
    return _paste(server, shell)


def _paste(server: LiveServer, shell: str) -> list[str]:
    blocks = [block.replace(_ADDRESS, server.url) for block in _BLOCK.findall(TOUR)]
    # The shell reads its commands from standard input, as from a keyboard: what a command would swallow is missing.
    typed = "".join(f"{block}printf '\\n%s %s\\n' '{_END}' \"$?\"\n" for block in blocks)
    home = Path(server.environment["DATA_DIR"]).parent
    result = subprocess.run(
        [shell],
        input=typed,
        cwd=home,
        env=server.environment | {"HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    parts = re.split(rf"\n{_END} (\d+)\n", result.stdout)
    texts, codes = parts[:-1:2], parts[1::2]
    assert codes == ["0"] * len(blocks), f"A block failed: {codes}\n{result.stdout}"
    return texts


def _only(outputs: list[str], said: str) -> str:
    """Return the output of the block that stands below the paragraph beginning with ``said``."""
    before = TOUR.partition(f"**{said}")[0]
    assert before != TOUR, f"The tour has no paragraph that begins with {said}"
    return outputs[len(_BLOCK.findall(before))]


def _browser(server: LiveServer) -> urllib.request.OpenerDirector:
    """Return a browser of staff, signed in to the admin."""
    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar))
    login = f"{server.url}/admin/login/"
    page = _read(browser, login)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token, page
    username, password = _STAFF
    form = {"csrfmiddlewaretoken": token[1], "username": username, "password": password, "next": "/admin/"}
    request = urllib.request.Request(login, urlencode(form).encode(), {"Origin": server.url, "Referer": login})
    with browser.open(request, timeout=10) as answer:
        assert answer.url == f"{server.url}/admin/", "Sam was not let in"
    return browser


def _read(browser: urllib.request.OpenerDirector, url: str) -> str:
    with browser.open(url, timeout=10) as answer:
        assert answer.status == 200
        text: str = answer.read().decode()
    return text


def test_the_first_thing_it_says_is_how_to_run_and_how_to_test() -> None:
    title, sentence, commands = README.split("\n\n")[:3]

    assert title == "# Nocturnal"
    assert sentence.count("\n") == 0
    assert commands.splitlines() == ["```sh", "make run", "make test", "```"]


def test_the_tour_is_served_by_what_make_run_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert f"$(PY) {' '.join(MIGRATE)}\n" in makefile
    assert f"exec $(PY) {' '.join(SERVE)}\n" in makefile


def test_registration_answers_with_the_new_user(outputs: list[str]) -> None:
    answer, status = _only(outputs, "Register").strip().splitlines()

    assert status == "status 201"
    assert json.loads(answer)["user"]["email"] == "alice@example.com"


def test_signing_in_gives_a_token_that_works(outputs: list[str]) -> None:
    assert json.loads(_only(outputs, "Sign in"))["name"] == "Alice"


def test_the_picture_is_stored_as_what_it_is(outputs: list[str]) -> None:
    upload = json.loads(_only(outputs, "Upload a PNG"))

    assert (upload["filename"], upload["content_type"], upload["size_bytes"], upload["status"]) == (
        "moon.png",
        "image/png",
        214,
        "ready",
    )


def test_the_upload_is_listed_with_what_is_left_of_the_limit(outputs: list[str]) -> None:
    headers, _, body = _only(outputs, "List your uploads").partition("\n\n")

    assert [upload["filename"] for upload in json.loads(body)["results"]] == ["moon.png"]
    assert '\nRateLimit-Policy: "api";q=100;w=600\n' in headers
    assert re.search(r'\nRateLimit: "api";r=\d+;t=\d+\n', headers)


def test_the_signed_url_leads_to_this_server(outputs: list[str], toured: tuple[LiveServer, str]) -> None:
    signed = json.loads(_only(outputs, "Get the file's signed URL"))

    assert signed["url"].startswith(f"{toured[0].url}/files/")


def test_the_download_has_the_same_bytes(outputs: list[str], toured: tuple[LiveServer, str]) -> None:
    folder = Path(toured[0].environment["DATA_DIR"])

    assert _only(outputs, "Download").strip() == "the same bytes"
    assert (folder / "moon-again.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (folder / "moon-again.png").read_bytes() == (folder / "moon.png").read_bytes()


def test_a_file_that_was_sent_straight_to_the_storage_is_ready(outputs: list[str]) -> None:
    upload = json.loads(_only(outputs, "Send a file straight"))

    assert (upload["status"], upload["content_type"], upload["size_bytes"]) == ("ready", "image/png", 214)


def test_the_refreshed_token_works(outputs: list[str]) -> None:
    assert json.loads(_only(outputs, "Refresh"))["email"] == "alice@example.com"


def test_signing_out_is_204_and_ends_the_access_token_at_once(outputs: list[str]) -> None:
    signed_out, refusal, status = _only(outputs, "Sign out").strip().splitlines()

    assert (signed_out, status) == ("status 204", "status 401")
    assert json.loads(refusal)["code"] == "session_ended"


def test_the_sixth_wrong_try_is_refused_and_the_refusal_is_as_the_readme_shows_it(outputs: list[str]) -> None:
    tries, _, rest = _only(outputs, "Meet the sign-in limit").partition("HTTP/1.1 ")
    headers, _, body = rest.partition("\n\n")
    fields = dict(line.split(": ", 1) for line in headers.splitlines()[1:])
    shown = json.loads(TOUR.partition("```json\n")[2].partition("```")[0])
    refusal = json.loads(body)

    assert tries.split("\n") == [f"try {number}: status 401" for number in range(1, 6)] + [""]
    assert headers.startswith("429 ")
    assert fields["Content-Type"] == "application/problem+json"
    assert fields["RateLimit-Policy"] == '"auth";q=5;w=86400'
    assert fields["RateLimit"] == f'"auth";r=0;t={fields["Retry-After"]}'
    assert int(fields["Retry-After"]) == refusal["retry_after_seconds"] > 0
    assert list(refusal) == list(shown)
    vary = ("detail", "request_id", "retry_after_seconds")
    assert {**refusal, **dict.fromkeys(vary)} == {**shown, **dict.fromkeys(vary)}


def test_the_staff_user_finds_alice_her_session_and_her_moon_in_the_admin(
    outputs: list[str], toured: tuple[LiveServer, str]
) -> None:
    server = toured[0]
    assert _only(outputs, "Make a staff user").strip() == "Superuser created successfully."

    browser = _browser(server)
    users = _read(browser, f"{server.url}/admin/accounts/user/")
    sessions = _read(browser, f"{server.url}/admin/accounts/session/")
    uploads = _read(browser, f"{server.url}/admin/uploads/upload/")

    assert "alice@example.com" in users
    assert "argon2" not in users
    assert "alice@example.com" in sessions
    assert "moon.png" in uploads
    assert "alice@example.com" in uploads
    thumbnail = re.search(r'<img src="(/admin/uploads/upload/[^"]+/thumbnail/)"', uploads)
    assert thumbnail, "no picture of the moon"
    with browser.open(f"{server.url}{thumbnail[1]}", timeout=10) as answer:
        assert (answer.url.startswith(f"{server.url}/files/"), answer.read()[8:12]) == (True, b"WEBP")
    linked = re.findall(r'(?:src|href)="((?:https?:)?//[^"]*)"', users + sessions + uploads)
    assert [url for url in linked if not url.startswith(server.url)] == []


def test_the_documentation_of_the_api_opens(toured: tuple[LiveServer, str]) -> None:
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    assert "Nocturnal" in _read(browser, f"{toured[0].url}/api/docs/")


def test_the_table_of_errors_has_every_code_with_its_status_and_no_other() -> None:
    table = README.partition("## Errors")[2].partition("\n## ")[0]
    told = {(int(status), code) for status, code in re.findall(r"^\| (\d{3}) \| `(\w+)` \|", table, re.MULTILINE)}
    for app in ("accounts", "ratelimits", "uploads"):
        importlib.import_module(f"{app}.errors")
    kinds = NocturnalError.__subclasses__()
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    # One without a code of its own only groups others.
    kinds = [kind for kind in kinds if ".tests" not in kind.__module__ and "code" in vars(kind)]
    problems = (ROOT / "nocturnal_project" / "problems.py").read_text(encoding="utf-8")
    answered = {(int(status), code) for status, code in re.findall(r'status=(\d{3}), code="(\w+)"', problems)}
    of_drf = {
        (401, "authentication_required"),
        (405, "method_not_allowed"),
        (415, "unsupported_media_type"),
    }

    assert told == {(kind.status, kind.code) for kind in kinds} | answered | of_drf


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_between_the_documents_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]

    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_the_example_environment_names_every_variable_that_is_read_and_no_other() -> None:
    named = set(re.findall(r"^# ([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    read = {variable_of(policy, field) for policy in POLICIES.values() for field in (*OVERRIDABLE, SHADOW)} | {"DOTENV"}
    for module in ("settings", "serving/options"):
        code = (ROOT / "nocturnal_project" / f"{module}.py").read_text(encoding="utf-8")
        read |= set(re.findall(r"""\benv\.\w+\(\s*["']([A-Z0-9_]+)["']""", code))

    assert named == read


def test_the_numbers_of_the_limits_in_the_example_environment_are_the_real_ones() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    for policy in POLICIES.values():
        for field in OVERRIDABLE:
            assert f"# {variable_of(policy, field)}={getattr(policy, field)}\n" in example


def test_every_direct_dependency_has_its_line_among_the_decisions() -> None:
    page = (ROOT / "docs" / "decisions" / "0005-dependencies.md").read_text(encoding="utf-8")
    pinned = {
        line.partition("==")[0].partition("[")[0]
        for file in (ROOT / "requirements").glob("*.in")
        for line in file.read_text(encoding="utf-8").splitlines()
        if "==" in line and not line.startswith("#")
    }

    assert pinned == set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE))


def test_the_architecture_page_shows_the_middleware_in_its_order() -> None:
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    names = [path.rpartition(".")[2] for path in settings.MIDDLEWARE]

    assert re.findall(r"\b\w+Middleware\b", page.partition("## A request's way")[2].partition("\n## ")[0]) == names
