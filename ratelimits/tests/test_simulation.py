"""Logs replayed against limits: what is read, who is charged, and what is found."""

import gzip
import io
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ratelimits import limiter
from ratelimits.policies import POLICIES
from ratelimits.simulation.candidates import NotLimits, candidate_limits, present_limits
from ratelimits.simulation.lines import Line, Malformed, parse_any, parse_combined, parse_json
from ratelimits.simulation.reading import Reading, requests_of
from ratelimits.simulation.replay import MOST_IN_A_WINDOW, Replay, Timeline
from ratelimits.simulation.routes import gives_back, policy_name
from ratelimits.subjects import ip_subject

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
Write = Callable[..., str]


def combined(address: str, seconds: float = 0, request: str = "GET /api/v1/me", status: int = 200) -> str:
    when = f"{START + timedelta(seconds=seconds):%d/%b/%Y:%H:%M:%S +0000}"
    return f'{address} - - [{when}] "{request} HTTP/1.1" {status} 512 "-" "curl/8.5 (x; {{y}})"'


def own(user: str | None, seconds: float = 0, route: str = "/api/v1/me", method: str = "GET", status: int = 200) -> str:
    line = {
        "method": method, "route": route, "status": status, "ms": 1.5, "bytes": 2, "user": user,
        "event": "request", "request_id": "x", "level": "info",
        "time": (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    return json.dumps(line)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write lines to a log and return its path."""

    def to_file(lines: Iterable[str], name: str = "access.log", *, packed: bool = False) -> str:
        target = tmp_path / name
        text = "".join(f"{line}\n" for line in lines).encode()
        target.write_bytes(gzip.compress(text) if packed else text)
        return str(target)

    return to_file


def run(*arguments: str) -> tuple[str, str, int]:
    """What the command writes, what it complains of, and its exit code."""
    out, errors, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("simulate_limits", *arguments, stdout=out, stderr=errors, no_color=True)
    except CommandError as error:
        errors.write(str(error))
        code = error.returncode
    return out.getvalue(), errors.getvalue(), code


def simulated(*arguments: str) -> dict[str, Any]:
    said, errors, code = run("--json", *arguments)
    assert (errors, code) == ("", 0)
    found: dict[str, Any] = json.loads(said)
    return found


class TestLines:
    def test_a_combined_line_is_a_request(self) -> None:
        text = (
            b'2001:db8::1 - bob [02/Jan/2026:05:04:05 +0200] "POST /api/v1/auth/login?a=\\"b HTTP/1.1" 401 9 "-" "a b"'
        )

        assert parse_combined(text) == Line(START_MS, "POST", '/api/v1/auth/login?a=\\"b', 401, "2001:db8::1")

    @pytest.mark.parametrize(
        ("zone", "shift"), [("+0000", 0), ("+0530", -5.5), ("-0800", 8), ("+1400", -14), ("-0030", 0.5)]
    )
    def test_time_zones_are_those_of_the_line(self, zone: str, shift: float) -> None:
        line = parse_combined(f'1.2.3.4 - - [02/Jan/2026:03:04:05 {zone}] "GET / HTTP/1.1" 200 1'.encode())

        assert line is not None
        assert line.at_ms == START_MS + shift * 3_600_000

    def test_the_products_own_line_names_a_route_and_a_user_and_no_address(self) -> None:
        line = parse_json(own("alice", route="/api/v1/uploads/<uuid:pk>").encode())

        assert line == Line(START_MS, "GET", "/api/v1/uploads/<uuid:pk>", 200, "", "alice", is_template=True)

    def test_the_line_of_our_nginx_names_a_path_and_an_address(self) -> None:
        text = (
            b'{"time":"2026-01-02T04:04:05+01:00","remote":"203.0.113.7",'
            b'"method":"GET","path":"/api/v1/me","status":200}'
        )

        assert parse_json(text) == Line(START_MS, "GET", "/api/v1/me", 200, "203.0.113.7")

    def test_what_a_container_runtime_writes_before_it_does_not_matter(self) -> None:
        line = parse_any(b"2026-01-02T03:04:05.1Z stderr F " + own("alice").encode())

        assert line is not None
        assert line.user == "alice"

    @pytest.mark.parametrize(
        "text",
        [
            b'{"event": "redis back", "level": "warning"}',
            b'1.2.3.4 - - [02/Jan/2026:03:04:05 +0000] "\\x16\\x03" 400 0 "-"',
        ],
    )
    def test_a_line_about_something_else_is_no_request_and_no_fault(self, text: bytes) -> None:
        assert parse_any(text) is None

    @pytest.mark.parametrize(
        "text",
        [
            b"garbage", b"{", b"[]", b"7", b"\xff\xfe\x00", b'{"path": 7, "method": "GET", "status": 1}',
            b'{"path": "/", "method": "GET", "status": 200}',
            b'{"path": "/", "method": "GET", "status": 200, "time": "yesterday"}',
            b'{"path": "/", "method": "GET", "status": 200, "time": "0001-01-01T00:00:00+14:00"}',
            b'1.2.3.4 - - [32/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 1',
            b'1.2.3.4 - - [02/Foo/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 1',
            b'1.2.3.4 - - [02/Jan/0000:03:04:05 +0000] "GET / HTTP/1.1" 200 1',
            b'1.2.3.4 - - [02/Jan/2026:25:04:05 +0000] "GET / HTTP/1.1" 200 1',
            b'1.2.3.4 - - [] "GET / HTTP/1.1" 200 1',
        ],
    )  # fmt: skip
    def test_a_line_that_cannot_be_read_is_malformed_and_nothing_worse(self, text: bytes) -> None:
        with pytest.raises(Malformed):
            parse_any(text)


class TestRoutes:
    @pytest.mark.parametrize(
        ("method", "path", "policy"),
        [
            ("POST", "/api/v1/auth/login", "auth"),
            ("POST", "/api/v1/auth/register?x=1", "auth"),
            ("POST", "/api/v1/auth/refresh", "api"),
            ("POST", "/admin/login/", "auth"),
            ("GET", "/admin/login/?next=/admin/", None),
            ("GET", "/admin/", None),
            ("GET", "/api/v1/me", "api"),
            ("GET", "/api/v1/me/rate-limits", None),
            ("POST", "/api/v1/uploads", "upload"),
            ("GET", "/api/v1/uploads", "api"),
            ("GET", "/api/v1/uploads/019b2c3d-4e5f-7a6b-8c7d-9e0f1a2b3c4d", "api"),
            ("GET", "/api/health/live", None),
            ("GET", "/api/docs/", None),
            ("GET", "/", None),
            ("GET", "/static/x.css", None),
            ("OPTIONS", "/api/v1/me", None),
            ("GET", "http://nocturnal.example/api/v1/me", "api"),
            ("GET", "http://[", None),
            # Not of this version: what the table says.
            ("POST", "/api/v1/auth/some/later/endpoint", "auth"),
            ("PUT", "/api/v2/anything", "api"),
            ("GET", "/wp-login.php", None),
        ],
    )
    def test_a_path_is_under_the_policy_of_its_view(self, method: str, path: str, policy: str | None) -> None:
        assert policy_name(method, path, is_template=False) == policy

    def test_every_route_of_the_product_is_found_by_its_template(self) -> None:
        from tests.test_urls import routes

        for route in routes():
            if route.path.startswith("/api/v1/"):
                for method in route.methods:
                    limits = route.limits
                    said = policy_name(method.upper(), route.path, is_template=True)
                    concrete = route.path.replace("<uuid:pk>", "019b2c3d-4e5f-7a6b-8c7d-9e0f1a2b3c4d")
                    assert said == policy_name(method.upper(), concrete, is_template=False)
                    assert (said is None) == (not isinstance(limits, dict)), route.path

    def test_only_a_try_that_signed_in_is_given_back(self) -> None:
        assert gives_back("POST", "/api/v1/auth/login", 200)
        assert gives_back("POST", "/admin/login/?next=/", 302)
        assert not gives_back("POST", "/api/v1/auth/login", 401)
        assert not gives_back("POST", "/api/v1/auth/register", 200)


class TestReading:
    @staticmethod
    def read(*names: str) -> tuple[list[int], Reading]:
        reading = Reading()
        seconds = [(line.at_ms - START_MS) // 1000 for line in requests_of(names, parse_any, reading)]
        return seconds, reading

    def test_lines_out_of_order_are_put_in_order_and_counted(self, write: Write) -> None:
        log = write(combined("1.2.3.4", second) for second in (0, 5, 3, 4, 9, 1))

        seconds, reading = self.read(log)

        assert (seconds, reading.reordered, reading.late) == ([0, 1, 3, 4, 5, 9], 3, 0)

    def test_a_line_that_comes_much_too_late_counts_as_of_the_line_before(self, write: Write) -> None:
        log = write(combined("1.2.3.4", second) for second in (*range(100, 2200), 7))

        seconds, reading = self.read(log)

        assert seconds == sorted(seconds)
        assert (len(seconds), seconds[0], reading.reordered, reading.late) == (2101, 100, 0, 1)

    def test_rotated_files_in_any_order_and_pods_side_by_side_are_one_log(self, write: Write) -> None:
        new = write([combined("1.2.3.4", 20), combined("1.2.3.4", 30)], "access.log")
        old = write([combined("1.2.3.4", 0), combined("1.2.3.4", 10)], "access.log.1.gz", packed=True)
        pod = write([own("alice", 5), own("alice", 25)], "pod.json")

        assert self.read(new, old, pod)[0] == [0, 5, 10, 20, 25, 30]

    def test_malformed_endless_and_empty_lines_are_counted_and_read_over(self, write: Write) -> None:
        lines = ["garbage", combined("1.2.3.4"), "", "x" * 300_000, combined("1.2.3.4", 1), '{"event": "redis back"}']

        seconds, reading = self.read(write(lines))

        assert seconds == [0, 1]
        assert (reading.lines, reading.malformed, reading.other) == (5, 2, 1)

    def test_a_packed_file_that_is_cut_short_counts_as_far_as_it_goes(self, tmp_path: Path) -> None:
        whole = gzip.compress("".join(f"{combined('1.2.3.4', second)}\n" for second in range(3000)).encode())
        (tmp_path / "cut.gz").write_bytes(whole[:-2000])

        seconds, reading = self.read(str(tmp_path / "cut.gz"))

        assert 100 < len(seconds) < 3000
        assert reading.cut_short == [str(tmp_path / "cut.gz")]


class TestReplaying:
    def test_the_replay_refuses_whom_the_limiter_would(self) -> None:
        replay = Replay(present_limits())
        for number in range(16):
            replay.ask("auth", ip_subject("203.0.113.7"), START_MS + number)

        tally = replay.tallies["auth"]
        assert (tally.allowed, tally.refused, tally.refused_strictly, tally.refused_blocked) == (5, 11, 7, 1)
        assert (tally.first_refusal_ms, tally.touched) == (START_MS + 5, 1)

    def test_a_sign_in_that_succeeded_costs_nothing(self) -> None:
        replay = Replay(present_limits())
        for number in range(50):
            replay.ask("auth", ip_subject("203.0.113.7"), START_MS + number, given_back=True)

        assert replay.tallies["auth"].refused == 0
        assert replay.tallies["auth"].most_in_a_window == 1

    @pytest.mark.parametrize("percent", [0, 10, 40, 90])
    def test_the_suggestion_is_the_smallest_limit_that_refuses_no_more_than_so_many(self, percent: int) -> None:
        asked = [(f"203.0.113.{client}", second * 7) for client in range(20) for second in range(client * client % 23)]
        asked.sort(key=lambda pair: pair[1])

        def refused_share(normal: int) -> float:
            limits = {"api": replace(POLICIES["api"], window=60, normal=normal, strict=normal, block_after=1000)}
            replay = Replay(limits)
            for address, second in asked:
                replay.ask("api", ip_subject(address), START_MS + second * 1000)
            tally = replay.tallies["api"]
            suggested.append(tally.smallest_normal(percent))
            return 100 * tally.touched / len(tally.clients)

        suggested: list[int] = []
        refused_share(7)
        smallest = suggested[0]

        assert refused_share(smallest) <= percent
        assert smallest == 1 or refused_share(smallest - 1) > percent

    def test_counts_of_one_client_take_bounded_memory(self) -> None:
        replay = Replay(present_limits())
        for number in range(MOST_IN_A_WINDOW + 500):
            replay.ask("api", ip_subject("203.0.113.7"), START_MS + number)

        (client,) = replay.tallies["api"].clients.values()
        assert (len(client.stamps), client.most) == (MOST_IN_A_WINDOW, MOST_IN_A_WINDOW + 1)

    def test_a_timeline_widens_its_slots_and_loses_nothing(self) -> None:
        timeline = Timeline()
        for number in range(30_000):
            timeline.count(START_MS + number * 5_000, allowed=number % 3 > 0)

        assert len(timeline.slots) <= 1000
        assert [sum(slot[place] for slot in timeline.slots.values()) for place in (0, 1)] == [20_000, 10_000]


class TestCandidates:
    def test_what_is_written_is_put_into_the_present_limits(self) -> None:
        found = candidate_limits(["auth=normal:9, strict:2", "api=window:15m"], present_limits())

        assert (found["auth"].normal, found["auth"].strict, found["auth"].window) == (9, 2, 900)
        assert (found["api"].window, found["api"].normal, found["upload"]) == (900, 100, POLICIES["upload"])

    @pytest.mark.parametrize(
        "text",
        ["", "auth", "auth=", "auth=normal", "auth=normal:", "auth=normal:0", "auth=normal:-1", "auth=normal:x",
         "auth=normal:2", "auth=limit:5", "nope=normal:5", "auth=normal:5,", "auth=normal:5m", "api=window:m",
         "api=window:90d", "auth=normal:99999999999"],
    )  # fmt: skip
    def test_what_is_no_limit_is_refused_with_a_sentence(self, text: str) -> None:
        with pytest.raises(NotLimits, match=r".{20}"):
            candidate_limits([text], present_limits())


@pytest.mark.django_db
class TestTheCommand:
    FLOOD = [*(combined("203.0.113.7", second) for second in range(130)), combined("198.51.100.9", 3)]

    def test_present_and_candidate_limits_are_compared(self, write: Write) -> None:
        found = simulated(write(self.FLOOD), "--policy", "api=normal:120")

        assert found["read"]["requests"] == 131
        present, candidate = found["present"]["api"], found["candidate"]["api"]
        assert (present["allowed"], present["refused"], candidate["allowed"], candidate["refused"]) == (
            101,
            30,
            121,
            10,
        )
        assert (present["refused_strictly"], present["refused_blocked"]) == (10, 10)
        assert (candidate["clients"], candidate["clients_refused"], candidate["clients_refused_percent"]) == (2, 1, 50)
        assert candidate["top"] == [
            {
                "subject": "ip:203.0.113.7", "refused": 10, "first_refusal": "2026-01-02 03:06:05 UTC",
                "most_in_a_window": 130,
            }
        ]  # fmt: skip
        assert candidate["smallest_normal"] == 130

    def test_a_candidate_that_refuses_no_more_than_tolerated_is_suggested(self, write: Write) -> None:
        assert simulated(write(self.FLOOD), "--tolerate", "50")["present"]["api"]["smallest_normal"] == 1
        assert simulated(write(self.FLOOD), "--tolerate", "49")["present"]["api"]["smallest_normal"] == 130

    def test_addresses_of_one_ipv6_network_are_one_client(self, write: Write) -> None:
        lines = [combined(f"2001:db8:0:1::{number:x}", number, "POST /api/v1/auth/login", 401) for number in range(9)]

        auth = simulated(write(lines))["present"]["auth"]

        assert (auth["clients"], auth["allowed"], auth["top"][0]["subject"]) == (1, 5, "ip:2001:db8:0:1::/64")

    def test_the_products_own_log_counts_by_user_and_says_so(self, write: Write) -> None:
        lines = [own("alice", second) for second in range(110)]
        lines += [own(None, second, "/api/v1/auth/login", "POST", 401) for second in range(10)]

        found = simulated(write(lines))

        assert found["present"]["api"]["top"][0]["subject"] == "user:alice"
        assert (found["present"]["auth"]["requests"], found["read"]["nobody_to_charge"]) == (0, 10)
        assert found["notes"][0].startswith("None of the requests names an address (the product's own log never does)")

    @pytest.mark.parametrize(
        ("by", "line", "sentence"),
        [
            ("ip", own("alice"), "name no address (the product's own log never does): use --by user."),
            ("user", combined("1.2.3.4"), "name no user, so that nobody can be charged: use --by ip."),
            ("auto", own(None), "name neither an address nor a user"),
        ],
    )
    def test_a_log_that_names_nobody_is_refused_with_what_to_do(
        self, write: Write, by: str, line: str, sentence: str
    ) -> None:
        said, errors, code = run(write([line]), "--by", by)

        assert (said, code) == ("", 1)
        assert sentence in errors

    def test_an_address_that_is_none_is_nobody(self, write: Write) -> None:
        found = simulated(write([combined("unknown"), combined("-", 1), combined("1.2.3.4", 2)]))

        assert (found["read"]["nobody_to_charge"], found["present"]["api"]["requests"]) == (2, 1)

    def test_standard_input_is_read_also_packed(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        with Path(write(self.FLOOD, packed=True)).open("rb") as stream:
            monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": stream}))

            assert simulated("-")["present"]["api"]["refused"] == 30

    def test_the_report_for_people_has_the_same_numbers(self, write: Write) -> None:
        said, _, code = run(write([*self.FLOOD, "garbage"]), "--policy", "api=normal:120")

        assert code == 0
        assert "131 requests from 2026-01-02 03:04:05 UTC to 2026-01-02 03:06:14 UTC, in 132 lines" in said
        assert "1 could not be read" in said
        assert "api: 131 requests of 2 clients" in said
        assert [line.split()[-2:] for line in said.splitlines() if line.startswith("  refused")] == [["30", "10"]]
        assert "refuses at most 1 % of these clients: 130" in said
        assert "ip:203.0.113.7  api" in said
        assert "auth:" not in said

    def test_nobody_refused_is_said(self, write: Write) -> None:
        assert "Nobody is refused under the present limits." in run(write([combined("1.2.3.4")]))[0]

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("nowhere.log",), "nowhere.log cannot be read: No such file or directory."),
            (("/",), "/ cannot be read: Is a directory."),
            (("LOG", "LOG"), "Name each log once."),
            (("LOG", "--tolerate", "100"), "--tolerate takes a percentage"),
            (("LOG", "--tolerate", "nan"), "--tolerate takes a percentage"),
            (("LOG", "--policy", "auth=normal:2"), "--policy 'auth=normal:2' contradicts itself: keep strict (3)"),
            (("LOG", "--plot", "/nowhere/x.png"), "/nowhere/x.png cannot be written: No such file or directory."),
            (("EMPTY",), "There is no request in these logs: 0 lines"),
        ],
    )
    def test_wrong_use_is_one_sentence(self, write: Write, arguments: tuple[str, ...], sentence: str) -> None:
        files = {"LOG": write([combined("1.2.3.4")]), "EMPTY": write([], "empty.log")}

        _, errors, code = run(*(files.get(argument, argument) for argument in arguments))

        assert code == 1
        assert sentence in errors

    def test_the_chart_is_a_png_of_present_and_candidate(self, write: Write, tmp_path: Path) -> None:
        from PIL import Image

        for name, arguments in (("one.png", ()), ("two.png", ("--policy", "api=normal:120"))):
            assert run(write(self.FLOOD), "--plot", str(tmp_path / name), *arguments)[2] == 0
        one, two = (Image.open(io.BytesIO((tmp_path / name).read_bytes())) for name in ("one.png", "two.png"))

        assert (one.format, two.width > 1.8 * one.width, one.height) == ("PNG", True, two.height)
        # There is something of both colours in it: what passed and what was refused.
        colours = {
            colour[:3] for _, colour in two.convert("RGB").getcolors(1_000_000) or () if isinstance(colour, tuple)
        }
        assert {(0xA5, 0xB4, 0xFC), (0xB9, 0x1C, 0x1C)} <= colours

    def test_without_matplotlib_it_says_what_to_install(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ratelimits.simulation.chart.find_spec", lambda _name: None)

        _, errors, code = run(write(self.FLOOD), "--plot", "x.png")

        assert (code, "requirements/tools.txt" in errors) == (1, True)
        assert run(write(self.FLOOD))[2] == 0

    def test_nothing_is_written_anywhere(self, write: Write, redis: Any) -> None:
        with CaptureQueriesContext(connection) as queries:
            run(write(self.FLOOD))

        assert redis.keys("*") == []
        assert limiter.local._counts == {}
        sent = [str(query["sql"]) for query in queries.captured_queries]
        assert all(("SELECT" in sql) or ("aggregate" in sql) for sql in sent), sent

    def test_a_terminal_is_shown_how_far_it_is(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        run(write(combined("1.2.3.4", second, "GET /api/health") for second in range(45_000)))

        assert "% " in terminal.getvalue()
        assert "20,000 lines" in terminal.getvalue()
        assert terminal.getvalue().endswith("\r\033[K")
