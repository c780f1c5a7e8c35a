import pytest
from django.test import RequestFactory

from orgs.access.addresses import find_address


def seen(forwarded=None, peer="10.0.0.1"):
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return find_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer))


def test_without_a_proxy_the_peer_counts_whatever_it_says():
    assert seen() == "10.0.0.1"
    assert seen("203.0.113.7") == "10.0.0.1"
    assert seen(peer="2001:db8::1") == "2001:db8::1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        (2, "6.6.6.6, 203.0.113.7, 10.0.0.9", "203.0.113.7"),
        (1, "203.0.113.7:55123", "203.0.113.7"),
        (1, None, "10.0.0.1"),
        (2, "203.0.113.7", None),
        (1, "no address", None),
    ],
)
def test_behind_our_proxies_what_the_outermost_saw_counts(settings, proxies, forwarded, address):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    assert seen(forwarded) == address


@pytest.mark.parametrize("peer", ["", "/run/web.sock"])
def test_a_peer_without_an_address_has_none(peer):
    assert seen(peer=peer) is None
