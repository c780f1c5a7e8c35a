import pytest

from orgs.domain.roles import Scope
from orgs.domain.tokens import (
    ScopesDoNotFit,
    TokenKind,
    assemble,
    hash_of,
    is_well_formed,
    kind_of,
)

SECRET = bytes(range(32))


def test_a_token_is_prefix_secret_and_checksum():
    text = assemble(kind=TokenKind.METERING, secret=SECRET)
    assert text.startswith("ofm_")
    assert len(text) == 4 + 43 + 6
    assert text[4:].isalnum()
    assert is_well_formed(text)


def test_the_smallest_and_the_largest_secret_have_the_same_length():
    assert len(assemble(kind=TokenKind.DESKTOP, secret=bytes(32))) == 53
    assert len(assemble(kind=TokenKind.DESKTOP, secret=b"\xff" * 32)) == 53


def test_a_mistyped_token_is_recognised_without_a_query():
    text = assemble(kind=TokenKind.ORGANIZATION, secret=SECRET)
    for position in range(len(text)):
        other = "x" if text[position] != "x" else "y"
        assert not is_well_formed(text[:position] + other + text[position + 1 :])


@pytest.mark.parametrize(
    "text", ["", "ofm", "ofm_", "ofm_x", "Bearer", "é" * 53, "ofm_" + "é" * 49]
)
def test_what_is_no_token_is_not_well_formed(text):
    assert not is_well_formed(text)


def test_what_is_stored_is_the_sha_256_of_the_text():
    assert (
        hash_of("ofm_x").hex()
        == "8b0684cf17c18b8f4efa0df5b6c6d9aaaa76b1b13c0c94ac3e0282178fa8c529"
    )


def test_a_secret_has_32_bytes():
    with pytest.raises(ValueError, match="32 bytes"):
        assemble(kind=TokenKind.METERING, secret=b"short")


@pytest.mark.parametrize(
    ("scopes", "kind"),
    [
        ({Scope.METERING_WRITE}, TokenKind.METERING),
        ({Scope.DESKTOP}, TokenKind.DESKTOP),
        ({Scope.USAGE_READ, Scope.BILLING_READ}, TokenKind.ORGANIZATION),
    ],
)
def test_scopes_make_the_kind(scopes, kind):
    assert kind_of(frozenset(scopes)) is kind


@pytest.mark.parametrize(
    "scopes",
    [set(), {Scope.METERING_WRITE, Scope.USAGE_READ}, {Scope.DESKTOP, Scope.METERING_WRITE}],
)
def test_scopes_that_do_not_fit_are_refused(scopes):
    with pytest.raises(ScopesDoNotFit):
        kind_of(frozenset(scopes))
