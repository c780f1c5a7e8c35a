"""What happens around every request: each person's language, and problems of plain views."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation

from orgs.access.problems import Problem
from orgs.models import User


class PersonLanguage:
    """Speaks the language that a signed-in person chose; stands after authentication.

    Without a choice Django's LocaleMiddleware has already followed cookie and browser.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Activate the person's language for the layers below."""
        if isinstance(request.user, User) and request.user.locale:
            translation.activate(request.user.locale)
            request.LANGUAGE_CODE = translation.get_language() or ""
        return self.get_response(request)


class ProblemAnswers:
    """Answers a `Problem` that a plain Django view raised."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on."""
        return self.get_response(request)

    def process_exception(
        self,
        request: HttpRequest,
        exception: Exception,
    ) -> HttpResponse | None:
        """Return the problem's answer; anything else goes on to be a 500."""
        return exception.response() if isinstance(exception, Problem) else None
