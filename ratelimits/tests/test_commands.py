"""The commands about limits, on a real Redis."""

import io
import json
import re
import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from nocturnal_project import clock
from ratelimits import limiter, records, staff, tally
from ratelimits.decisions import Mode
from ratelimits.models import LimitEvent
from ratelimits.policies import POLICIES, Policy, put_in_force
from ratelimits.subjects import Subject, account_subject, ip_subject, user_subject

pytestmark = pytest.mark.django_db
AUTH, API = POLICIES["auth"], POLICIES["api"]
HOME = ip_subject("203.0.113.7")
Said = tuple[str, str, int]


def run(*arguments: str) -> Said:
    """What a command writes, what it complains of, and its exit code."""
    out, errors, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command(*arguments, stdout=out, stderr=errors, no_color=True)
    except SystemExit as stop:
        code = int(str(stop.code))
    except CommandError as error:
        errors.write(str(error))
        code = error.returncode
    return out.getvalue(), errors.getvalue(), code


def explained(*arguments: str) -> dict[str, Any]:
    said, errors, code = run("explain_limit", "--json", *arguments)
    assert (errors, code) == ("", 0)
    found: dict[str, Any] = json.loads(said)
    return found


def under(facts: dict[str, Any], policy: str) -> dict[str, Any]:
    (found,) = [each for each in facts["policies"] if each["policy"] == policy]
    return dict(found)


def be_refused(policy: Policy, subject: Subject, times: int) -> None:
    """Ask until there were so many refusals; the rows about it are written."""
    refused = 0
    while refused < times:
        refused += not limiter.decide(policy, [subject]).allowed
    records.write_waiting()


@pytest.fixture(autouse=True)
def fresh_records() -> None:
    records._waiting.clear()


@pytest.mark.usefixtures("redis")
class TestExplaining:
    def test_who_did_nothing_has_nothing_held_against_them(self) -> None:
        said, errors, code = run("explain_limit", "--ip", "203.0.113.7")

        assert (errors, code) == ("", 0)
        assert "auth: normal, 0 of 5 used in 15 minutes" in said
        assert "upload" not in said
        assert "Nothing is recorded." in said

    def test_a_block_is_explained_with_its_end_its_cause_and_the_next_one(self) -> None:
        be_refused(AUTH, HOME, 10)

        facts = explained("--ip", "203.0.113.7")

        auth = under(facts, "auth")
        assert (auth["mode"], auth["used"], auth["limit"]) == ("blocked", 5, 3)
        assert 3590 < auth["reset_seconds"] <= 3600
        assert (auth["refusals"]["count"], len(auth["refusals"]["forgotten_at"])) == (10, 10)
        assert (auth["blocks"]["count"], auth["blocks"]["next_seconds"]) == (1, 7200)
        assert re.fullmatch(r"Blocked until .* UTC after repeated refusals\.", auth["reason"])
        assert "asking meanwhile does not extend that" in auth["next"]
        assert under(facts, "api")["mode"] == "blocked"
        assert [event["kind"] for event in facts["events"]] == ["blocked", "strict"]

    def test_the_same_is_said_in_words(self) -> None:
        be_refused(AUTH, HOME, 10)

        said, _, code = run("explain_limit", "--ip", "203.0.113.7", "--policy", "auth")

        assert code == 0
        assert "auth: blocked, 5 of 3 used in 15 minutes" in said
        assert re.search(r"refusals  10 in the last hour; the next is forgotten in (1 hour|59 min)", said)
        assert re.search(r"blocks    1 that count until .* UTC; the 2nd would last 2 hours", said)
        assert "Held to the strict limit  auth" in said

    def test_a_user_is_found_by_e_mail_and_by_id_and_tries_at_the_account_are_theirs(self, alice: Any) -> None:
        be_refused(API, user_subject(alice.pk), 10)
        limiter.decide(AUTH, [account_subject(alice.email)])

        by_email, by_id = explained("--user", " Alice@Example.com"), explained("--user", str(alice.pk))

        assert by_email["subject"] == by_id["subject"] == f"user:{alice.pk}"
        assert (under(by_id, "api")["mode"], under(by_id, "upload")["mode"]) == ("strict", "normal")
        assert (under(by_id, "auth")["used"], under(by_id, "auth")["blocks"]["count"]) == (1, 0)
        assert "accounts are never held" in under(by_id, "auth")["next"]

    def test_a_network_that_was_widened_is_shown(self) -> None:
        for site in (1, 2, 3):
            be_refused(AUTH, ip_subject(f"2001:db8:0:{site}::1"), 3)

        facts = under(explained("--ip", "2001:db8:0:9::1"), "auth")
        said, _, _ = run("explain_limit", "--ip", "2001:db8:0:9::1", "--policy", "auth")

        assert facts["counted_as"] == "ip:2001:db8::/56"
        assert [(each["network"], each["counted_as_one"], each["misbehaving_parts"]) for each in facts["networks"]] == [
            ("2001:db8::/56", True, 3),
            ("2001:db8::/48", False, 0),
        ]
        assert "2001:db8::/56: 3 of 3 parts misbehaved, counted as one" in said

    def test_nothing_is_charged_and_nothing_written(self, redis: Any) -> None:
        be_refused(AUTH, HOME, 4)
        before = {key: redis.dump(key) for key in redis.keys("*")}

        run("explain_limit", "--ip", "203.0.113.7")

        assert {key: redis.dump(key) for key in redis.keys("*")} == before


@pytest.mark.usefixtures("redis")
class TestLifting:
    def test_a_lifted_block_stays_lifted_and_refusals_start_from_zero(self) -> None:
        be_refused(AUTH, HOME, 10)

        said, errors, code = run("lift_block", "--ip", "203.0.113.7")

        assert (errors, code) == ("", 0)
        assert "auth: Blocked until" in said
        auth = under(explained("--ip", "203.0.113.7"), "auth")
        assert (auth["mode"], auth["refusals"]["count"], auth["blocks"]["count"]) == ("normal", 0, 0)
        decisions = [limiter.decide(AUTH, [HOME]) for _ in range(11)]
        modes = [decision.mode for decision in decisions]
        assert modes == [Mode.NORMAL] * 3 + [Mode.STRICT] * 7 + [Mode.BLOCKED]
        assert 3590 < decisions[-1].reset_seconds <= 3600  # the first block again, not the second
        assert limiter.held(10) != []

    def test_one_that_is_lifted_is_no_longer_listed(self) -> None:
        be_refused(AUTH, HOME, 10)

        run("lift_block", "--ip", "203.0.113.7")

        assert limiter.held(10) == []

    def test_a_dry_run_changes_nothing(self, redis: Any) -> None:
        be_refused(AUTH, HOME, 10)
        before = {key: redis.dump(key) for key in redis.keys("*")}

        for command in ("lift_block", "reset_limit"):
            said, _, code = run(command, "--ip", "203.0.113.7", "--dry-run")
            assert (code, "Would" in said) == (0, True)
        run("hold_subject", "--ip", "203.0.113.7", "--mode", "blocked", "--for", "1h", "--dry-run")

        assert {key: redis.dump(key) for key in redis.keys("*")} == before
        assert not LimitEvent.objects.filter(kind__in=("lifted", "reset", "held_blocked")).exists()

    def test_letting_one_network_go_does_not_free_the_wider_one_and_says_so(self) -> None:
        sites = [ip_subject(f"2001:db8:0:{site}::1") for site in (1, 2, 3)]
        for site in sites:
            be_refused(AUTH, site, 3)
        be_refused(AUTH, sites[0], 10)
        assert limiter.decide(AUTH, [ip_subject("2001:db8:0:ff::1")]).mode is Mode.BLOCKED

        _, errors, code = run("lift_block", "--ip", "2001:db8:0:1::77")

        assert code == 2
        assert errors.strip() == (
            "Still held or counted as part of 2001:db8::/56: let that go with --network 2001:db8::/56."
        )
        assert limiter.decide(AUTH, [ip_subject("2001:db8:0:ff::1")]).mode is Mode.BLOCKED

        assert run("lift_block", "--network", "2001:db8::/56")[2] == 0
        assert limiter.decide(AUTH, [sites[0]]).mode is Mode.NORMAL
        assert limiter.decide(AUTH, [ip_subject("2001:db8:0:ff::1")]).allowed
        # The neighbours answer for themselves again.
        assert under(explained("--ip", "2001:db8:0:2::1"), "auth")["mode"] == "strict"

    def test_letting_a_network_go_leaves_what_other_networks_did(self) -> None:
        be_refused(AUTH, ip_subject("2001:db8:0:1::1"), 10)
        be_refused(AUTH, ip_subject("2001:db8:0:2::1"), 10)

        assert run("lift_block", "--ip", "2001:db8:0:1::1")[2] == 0

        assert under(explained("--ip", "2001:db8:0:1::1"), "auth")["mode"] == "normal"
        assert under(explained("--ip", "2001:db8:0:2::1"), "auth")["mode"] == "blocked"

    def test_what_a_policy_in_shadow_would_hold_is_lifted_too(self, redis: Any) -> None:
        put_in_force({"auth": {"shadow": True}})
        try:
            be_refused(AUTH, HOME, 10)
        finally:
            put_in_force({})

        run("lift_block", "--ip", "203.0.113.7")

        assert {key.decode() for key in redis.keys("*")} == {"rate-limit:auth-shadow:ip:203.0.113.7"}

    def test_resetting_forgets_what_was_used_also_by_tries_at_the_account(self, alice: Any, redis: Any) -> None:
        be_refused(API, user_subject(alice.pk), 20)
        be_refused(AUTH, account_subject(alice.email), 1)

        said, _, code = run("reset_limit", "--user", alice.email)

        assert code == 0
        assert "auth: normal, 5 of 5 used, 0 refusals" in said
        assert "api: blocked, 100 of 50 used, 20 refusals" in said
        assert redis.keys("*") == []
        assert set(LimitEvent.objects.filter(kind="reset").values_list("subject", flat=True)) == {
            f"user:{alice.pk}",
            str(account_subject(alice.email)),
        }

    def test_a_hold_lasts_as_long_as_it_says_and_is_recorded(self, alice: Any) -> None:
        said, _, code = run("hold_subject", "--user", alice.email, "--mode", "strict", "--for", "2h")
        run("hold_subject", "--ip", "203.0.113.7", "--mode", "blocked", "--for", "1d")

        assert (code, "for 2 hours" in said) == (0, True)
        assert limiter.decide(API, [user_subject(alice.pk)]).limit == 50
        blocked = limiter.decide(API, [HOME])
        assert (blocked.mode, 86_390 < blocked.reset_seconds <= 86_400) == (Mode.BLOCKED, True)
        assert "by staff" in under(explained("--ip", "203.0.113.7"), "api")["reason"]
        assert list(LimitEvent.objects.order_by("id").values_list("kind", "seconds", "actor")) == [
            ("held_strictly", 7200, ""),
            ("held_blocked", 86_400, ""),
        ]

    def test_a_hold_holds_also_where_the_api_is_in_shadow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(POLICIES, "api", API.__class__(**{**_fields(API), "shadow": True}))

        run("hold_subject", "--ip", "203.0.113.7", "--mode", "blocked", "--for", "1h")

        assert limiter.decide(AUTH, [HOME]).mode is Mode.BLOCKED


def _fields(policy: Policy) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in policy.__dataclass_fields__}


@pytest.mark.usefixtures("redis")
class TestShowing:
    def test_each_number_says_where_it_comes_from(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.RATE_LIMIT_OVERRIDES = {"RATE_LIMIT_API_NORMAL": "120"}
        monkeypatch.setitem(POLICIES, "api", API.__class__(**{**_fields(API), "normal": 120}))
        staff.change_limits(policy="auth", changes={"normal": 7}, actor="sam@example.com", now=clock.now())
        try:
            said, errors, code = run("show_limits", "--json")
        finally:
            put_in_force({})

        assert (errors, code) == ("", 0)
        numbers = {
            (policy["policy"], number["name"]): (number["value"], number["from"], number["default"])
            for policy in json.loads(said)["policies"]
            for number in policy["numbers"]
        }
        assert len(numbers) == 18
        value, source, default = numbers["auth", "normal"]
        assert (value, source.startswith("staff: sam@example.com, 20"), default) == (7, True, 5)
        assert numbers["api", "normal"] == (120, "RATE_LIMIT_API_NORMAL", 100)
        assert numbers["upload", "shadow"] == (False, "default", False)

    def test_decisions_of_the_last_hour_and_live_instances_are_told(self, redis: Any) -> None:
        be_refused(AUTH, HOME, 10)
        limiter.decide(API, [user_subject("alice")])
        tally.send()
        seconds, _ = redis.time()
        redis.zadd("nocturnal:instances", {"pod-1": seconds * 1000, "pod-2": seconds * 1000, "gone": 1})

        told = json.loads(run("show_limits", "--json")[0])
        said, _, code = run("show_limits")

        assert (told["store"], told["redis"], told["instances"]) == (
            "Redis store (distributed)", "reached", ["pod-1", "pod-2"],
        )  # fmt: skip
        assert told["decisions_of_the_last_hour"][0]["refused"] >= 10
        assert code == 0
        assert "Instances   2: pod-1, pod-2" in said
        assert re.search(r"auth    normal +5 +default +2 or 3", said)
        # A command takes no share of the limits.
        assert redis.zrange("nocturnal:instances", 0, -1) == [b"gone", b"pod-1", b"pod-2"]


class TestFailing:
    COMMANDS = ("explain_limit", "lift_block", "reset_limit", "hold_subject")

    @staticmethod
    def rest(command: str) -> tuple[str, ...]:
        return ("--mode", "strict", "--for", "1h") if command == "hold_subject" else ()

    @pytest.mark.usefixtures("redis_away")
    @pytest.mark.parametrize("command", COMMANDS)
    def test_without_redis_a_sentence_and_two(self, command: str) -> None:
        said, errors, code = run(command, "--ip", "203.0.113.7", *self.rest(command))

        assert (said, code) == ("", 2)
        assert errors.startswith("Redis does not answer")

    @pytest.mark.usefixtures("redis_away")
    def test_show_limits_tells_the_rest_while_redis_is_away(self) -> None:
        said, _, code = run("show_limits", "--instances", "3")

        assert code == 2
        assert "Redis does not answer" in said
        assert re.search(r"auth    normal +5 +default +1 or 2", said)

    @pytest.mark.parametrize("command", COMMANDS)
    def test_where_no_redis_is_configured_a_command_reaches_no_counts(self, command: str) -> None:
        _, errors, code = run(command, "--ip", "203.0.113.7", *self.rest(command))

        assert (code, errors.startswith("Without Redis (REDIS_URL)")) == (1, True)

    @pytest.mark.parametrize("command", COMMANDS)
    @pytest.mark.parametrize(
        ("who", "complaint"),
        [
            (("--ip", "203.0.113"), "is no IP address"),
            (("--ip", "203.0.113.7:80"), "is no IP address"),
            (("--ip", "\n*"), "is no IP address"),
            (("--network", "2001:db8::/60"), "counted as /64"),
            (("--network", "203.0.113.0/24"), "--network takes an IPv6"),
            (("--network", "2001:db8::1/56"), "has host bits set"),
            (("--user", "nobody@example.com"), "There is no user 'nobody@example.com'"),
            (("--user", str(uuid.UUID(int=7))), "There is no user"),
            (("--user", ""), "There is no user"),
        ],
    )
    def test_a_name_of_nobody_is_wrong_use(self, command: str, who: tuple[str, str], complaint: str) -> None:
        said, errors, code = run(command, *who, *self.rest(command))

        assert (said, code) == ("", 1)
        assert complaint in errors

    @pytest.mark.parametrize("text", ["", "0h", "2", "2w", "-1h", "1.5h", "32d", "9999999d", "1h30m"])
    def test_a_duration_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(CommandError, match="is no duration"):
            call_command("hold_subject", "--ip=203.0.113.7", "--mode=strict", f"--for={text}")

    def test_nothing_under_upload_is_charged_to_an_address(self, redis: Any) -> None:
        said, _, code = run("explain_limit", "--ip", "203.0.113.7", "--policy", "upload")

        assert (code, said) == (0, "Nothing under upload is ever charged to ip:203.0.113.7.\n")


def test_each_command_says_what_it_does_and_what_its_exit_codes_mean(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ("explain_limit", "lift_block", "reset_limit", "hold_subject", "show_limits"):
        with pytest.raises(SystemExit):
            call_command(command, "--help")
        assert "Exit code: 0" in " ".join(capsys.readouterr().out.split())
