"""How a new owner gets in, and that nobody else does."""

import pytest
from django.contrib.auth import get_user

from orgs.access.accounts import make_sign_in_url
from orgs.models import User
from tests.factories.orgs import PASSWORD, make_organization, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.orgs.probe_urls")]
BASE = "http://testserver"


def test_nobody_signs_up(client):
    answer = client.post(
        "/accounts/signup/",
        {"email": "bo@x.example", "password1": PASSWORD, "password2": PASSWORD},
    )
    assert answer.status_code in {200, 403}
    assert not User.objects.exists()


def test_a_new_owner_sets_a_password_by_a_link_that_works_once(client):
    owner = make_organization("acme").owner.user
    link = make_sign_in_url(owner, base_url=BASE)
    assert link.startswith("http://testserver/accounts/password/reset/key/")

    form = client.get(link, follow=True)
    address = form.request["PATH_INFO"]
    answer = client.post(address, {"password1": PASSWORD, "password2": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == "/o/acme/"
    assert get_user(client) == owner

    client.logout()
    client.get(link, follow=True)
    client.post(address, {"password1": PASSWORD + "!", "password2": PASSWORD + "!"})
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_who_has_a_password_is_led_to_the_sign_in():
    user = make_user("mei@acme.example")
    assert make_sign_in_url(user, base_url=BASE) == "http://testserver/accounts/login/"


@pytest.mark.parametrize("email", ["owner@acme.example", " Owner@ACME.example"])
def test_the_address_is_taken_in_any_case(client, email):
    owner = make_organization("acme").owner.user
    owner.set_password(PASSWORD)
    owner.save()
    answer = client.post("/accounts/login/", {"login": email, "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == "/o/acme/"


def test_passwords_are_hashed_by_argon2():
    assert make_user("mei@acme.example").password.startswith("argon2$argon2id$")
