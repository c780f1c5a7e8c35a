"""What a person sets about their own sign-in."""

from orgs.models import User


def choose_language(*, user_id: int, locale: str) -> None:
    """Store the language a person chose; empty follows the browser again.

    A person's own taste, in no organization's audit log. Raises `ValueError` for another one.
    """
    User.objects.filter(pk=user_id).update(locale=User.Locale(locale).value)
