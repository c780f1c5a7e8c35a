"""The base of every page of the console."""

from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.functional import cached_property
from django.views.generic import TemplateView

from orgs.access.organizations import OrganizationPage
from orgs.selectors.organizations import list_organizations

WORD_CHARACTERS = 254
"""The longest e-mail address; no slug, machine name or id is longer."""


class ConsolePage(OrganizationPage, TemplateView):  # type: ignore[misc] # `request` is narrower here
    """A page that shows what is true at `as_of`; `section` is its entry of the menu."""

    section: ClassVar[str]
    zone = "UTC"

    @cached_property
    def as_of(self) -> datetime:
        """The instant of this request: everything on the page is clamped to it."""
        return timezone.now()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return what every page of an organization shows around its own content."""
        return super().get_context_data(
            organization=self.request.organization,
            organizations=list_organizations(user_id=self.request.member.user_id or 0),
            section=self.section,
            as_of=self.as_of,
            zone=self.zone,
            **kwargs,
        )

    def word(self, name: str) -> str:
        """Return a word of the query, at most 254 characters, NUL left out."""
        return self.request.GET.get(name, "").replace("\0", "").strip()[:WORD_CHARACTERS]

    def choice(self, name: str, *, among: tuple[str, ...], default: str) -> str:
        """Return a word of the query if it is one of `among`."""
        word = self.word(name)
        return word if word in among else default
