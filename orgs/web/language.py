"""Each person's own language."""

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from orgs.models import User
from orgs.services.accounts import choose_language


@require_POST
def choose(request: HttpRequest) -> HttpResponseBase:
    """Keep the language of the form's `language`, and return to its `next`.

    A signed-in person finds it again in every browser; the cookie keeps it for everyone else.
    """
    locale = request.POST.get("language", "")
    if isinstance(request.user, User) and locale in User.Locale.values:
        choose_language(user_id=request.user.pk, locale=locale)
    return set_language(request)
