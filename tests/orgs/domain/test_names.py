import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgs.domain.names import InvalidSlug, normalize_email, require_slug


@pytest.mark.parametrize("slug", ["a", "7", "acme", "acme-2", "a" * 63])
def test_a_slug_is_taken_as_it_is(slug):
    assert require_slug(slug) == slug


@pytest.mark.parametrize(
    "text",
    ["", "-a", "a-", "A", "a_b", "a b", "a\n", "a" * 64, "аcme", "acme\u0660", "é"],  # noqa: RUF001 - a Cyrillic letter on purpose
)
def test_what_is_no_slug_is_refused(text):
    with pytest.raises(InvalidSlug):
        require_slug(text)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (" Mei@Acme.Example ", "mei@acme.example"),
        ("ZOE\u0308@acme.example", "zo\u00eb@acme.example"),
        ("\u0130@acme.example", "i\u0307@acme.example"),
    ],
)
def test_an_address_has_one_stored_form(text, stored):
    assert normalize_email(text) == stored


@given(st.text(max_size=20))
def test_normalizing_twice_changes_nothing(text):
    assert normalize_email(normalize_email(text)) == normalize_email(text)
