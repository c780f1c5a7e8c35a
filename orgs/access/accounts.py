"""How people come to a sign-in: never by signing up, always by a link that was made for them."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.http import HttpRequest
from django.urls import reverse

from orgs.models import User


class ClosedSignupAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth's adapter with sign-up closed: people are invited, or made by an operator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return False: nobody makes an account by themselves."""
        return False


def make_sign_in_url(user: User, *, base_url: str) -> str:
    """Return where `user` signs in for the first time, under `base_url` (no slash at its end).

    Without a password: a one-time link that sets one and signs in. It dies with its first use,
    with any sign-in, and after Django's PASSWORD_RESET_TIMEOUT. With a password: the sign-in
    page, since a link would let whoever holds it take the person's place.
    """
    if user.has_usable_password():
        return base_url + reverse("account_login")
    key = default_token_generator.make_token(user)
    path = reverse(
        "account_reset_password_from_key",
        kwargs={"uidb36": user_pk_to_url_str(user), "key": key},
    )
    return base_url + path
