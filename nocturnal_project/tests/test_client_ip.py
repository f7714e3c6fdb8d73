from collections.abc import Callable
from typing import Any

import pytest
from django.test import RequestFactory

from nocturnal_project.client_ip import client_ip, network_of

PEER = "198.51.100.9"
Ask = Callable[..., str]


@pytest.fixture
def asked_by(settings: Any) -> Ask:
    """Whom the product sees behind so many trusted proxies."""

    def ask(*, hops: int, forwarded: str | None = None, peer: str = PEER) -> str:
        settings.TRUSTED_PROXIES = hops
        fields = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
        return client_ip(RequestFactory().get("/", REMOTE_ADDR=peer, **fields))  # type: ignore[arg-type]  # META fields

    return ask


def test_without_proxies_forwarded_headers_are_only_claims(asked_by: Ask) -> None:
    assert asked_by(hops=0, forwarded="203.0.113.7") == PEER
    assert asked_by(hops=0, forwarded="203.0.113.7, 203.0.113.8") == PEER


def test_other_forwarding_headers_are_never_read(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    request = RequestFactory().get(
        "/",
        REMOTE_ADDR=PEER,
        HTTP_X_REAL_IP="203.0.113.7",
        HTTP_FORWARDED="for=203.0.113.7",
        HTTP_CLIENT_IP="203.0.113.7",
    )

    assert client_ip(request) == PEER


def test_one_proxy_is_believed_for_the_rightmost_entry(asked_by: Ask) -> None:
    assert asked_by(hops=1, forwarded="203.0.113.7") == "203.0.113.7"
    assert asked_by(hops=1, forwarded="10.0.0.1, 203.0.113.7") == "203.0.113.7"


def test_two_proxies_are_believed_for_the_second_entry_from_the_right(asked_by: Ask) -> None:
    assert asked_by(hops=2, forwarded="203.0.113.7, 192.0.2.1") == "203.0.113.7"
    assert asked_by(hops=2, forwarded="1.1.1.1, 203.0.113.7, 192.0.2.1") == "203.0.113.7"


def test_a_request_that_went_round_a_proxy_has_no_say_in_who_it_is(asked_by: Ask) -> None:
    assert asked_by(hops=2, forwarded="203.0.113.7") == PEER
    assert asked_by(hops=1) == PEER
    assert asked_by(hops=1, forwarded="") == PEER


@pytest.mark.parametrize(
    "junk", ["unknown", "_hidden", "203.0.113.7.evil.example", "203.0.113", "203.0.113.7 203.0.113.8", "<script>", ","]
)
def test_junk_in_the_entry_that_counts_names_the_peer(asked_by: Ask, junk: str) -> None:
    assert asked_by(hops=1, forwarded=junk) == PEER


@pytest.mark.parametrize(
    ("spelling", "address"),
    [
        ("203.0.113.7:4711", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:4711", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:4711", "fe80::1"),
        ("64:ff9b::203.0.113.7", "203.0.113.7"),
        ("[64:ff9b::cb00:7107]:4711", "203.0.113.7"),
    ],
)
def test_one_address_has_one_spelling(asked_by: Ask, spelling: str, address: str) -> None:
    assert asked_by(hops=1, forwarded=spelling) == address
    assert asked_by(hops=0, peer=spelling) == address


@pytest.mark.parametrize("empty", ["203.0.113.7,", "203.0.113.7, ", ", ,", " "])
def test_an_empty_entry_in_the_place_that_counts_names_the_peer(asked_by: Ask, empty: str) -> None:
    assert asked_by(hops=1, forwarded=empty) == PEER


def test_two_hundred_entries_are_two_hundred_claims_and_one_that_counts(asked_by: Ask) -> None:
    claims = ", ".join(f"10.0.0.{number}" for number in range(199))
    assert asked_by(hops=1, forwarded=f"{claims}, 203.0.113.7") == "203.0.113.7"
    assert asked_by(hops=2, forwarded=f"{claims}, 203.0.113.7, 192.0.2.1") == "203.0.113.7"


def test_ipv4_clients_behind_a_translator_do_not_count_as_one() -> None:
    assert network_of("64:ff9b::203.0.113.7") == "203.0.113.7"
    assert network_of("64:ff9b:1::203.0.113.7") == "64:ff9b:1::/64"  # RFC 8215: a network's own, and its own affair


def test_a_socket_without_addresses_is_unknown(asked_by: Ask) -> None:
    assert asked_by(hops=0, peer="") == "unknown"


def test_an_ipv6_subscriber_is_one_network_however_many_addresses_they_use() -> None:
    assert network_of("2001:db8:0:1::1") == network_of("2001:db8:0:1:ffff:ffff:ffff:ffff") == "2001:db8:0:1::/64"
    assert network_of("2001:db8:0:2::1") == "2001:db8:0:2::/64"


def test_an_ipv4_address_is_a_network_of_its_own_also_when_it_is_mapped() -> None:
    assert network_of("203.0.113.7") == network_of("::ffff:203.0.113.7") == "203.0.113.7"
    assert network_of("nonsense") == "unknown"
