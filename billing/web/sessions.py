"""Sessions: the list with its filters in the address, and one session that explains itself."""

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from django.http import Http404

from billing.domain.rating import exact_amount
from billing.rendering.words import amount_text, duration_text
from billing.selectors.choices import list_machine_names, list_teams
from billing.selectors.session_detail import PIECE_ROWS, SessionDetail, get_session_detail
from billing.selectors.sessions import Cursor, SessionFilter, list_sessions
from billing.web.pages import BillingPage, instant_and_id
from billing.web.timelines import Timeline, draw, session_summary
from orgs.domain.roles import Capability

AMOUNT_PLACES: Final = 6
MARGIN: Final = 0.02  # of the span, so that the end of a session is not the end of the picture


class SessionListPage(BillingPage):
    """`/o/<slug>/sessions/`: running ones first, then the ended, newest start first."""

    capability = Capability.OWN_READ
    section = "sessions"
    template_name = "billing/sessions.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the page that the address asks for; words that make no sense are left out."""
        last = self.day_in_query("to")
        narrowed = SessionFilter(
            state=self.choice("state", among=("active", "idle", "ended"), default=""),
            member=self.word("member"),
            team=self.word("team"),
            machine=self.word("machine"),
            since=self.start_of(self.day_in_query("from")),
            until=None if last is None else self.start_of(last + timedelta(days=1)),
        )
        place = instant_and_id(self.word("after"))
        page = list_sessions(
            actor=self.request.actor,
            narrowed=narrowed,
            as_of=self.as_of,
            after=None if place is None else Cursor(started_at=place[0], id=place[1]),
        )
        cursor = page.next_cursor
        return super().get_context_data(
            page=page,
            narrowed=narrowed,
            from_day=self.day_in_query("from"),
            to_day=last,
            is_first=place is None,
            after=None if cursor is None else f"{cursor.started_at.isoformat()}~{cursor.id}",
            teams=list_teams(organization_id=self.request.organization.pk),
            machines=list_machine_names(),
            **kwargs,
        )


class SessionPage(BillingPage):
    """`/o/<slug>/sessions/<id>/`: its line of time, why it is billed, and each event behind it."""

    capability = Capability.OWN_READ
    section = "sessions"
    template_name = "billing/session.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the session as of now; 404 for one that the actor may not see."""
        detail = get_session_detail(
            actor=self.request.actor,
            session_id=UUID(str(self.kwargs["session_id"])),
            as_of=self.as_of,
            events_after=self._instant("events_after"),
            first_piece=self._number("piece"),
        )
        if detail is None:
            raise Http404
        following = detail.first_piece + PIECE_ROWS
        return super().get_context_data(
            detail=detail,
            session=detail.session,
            rows=[
                {"piece": piece, "events": detail.activity_counts.get(piece.start)}
                for piece in detail.pieces
            ],
            timeouts=sorted({piece.idle_timeout_seconds for piece in detail.all_pieces} - {0}),
            timeline=self._timeline(detail),
            next_piece=following if len(detail.all_pieces) > following else None,
            is_paged=self.word("events_after") != "",
            amount=_amount(detail),
            **kwargs,
        )

    def _timeline(self, detail: SessionDetail) -> Timeline:
        session = detail.session
        pieces = detail.all_pieces
        last = session.idles_at or pieces[-1].end
        margin = (last - session.started_at) * MARGIN
        return draw(
            pieces,
            start=session.started_at,
            end=max(last, pieces[-1].end) + margin,
            now=self.as_of,
            zone=self.zone,
            summary=session_summary(
                working=duration_text(session.working_us),
                bridged=duration_text(session.bridged_us),
            ),
            has_labels=True,
        )

    def _instant(self, name: str) -> datetime | None:
        try:
            found = datetime.fromisoformat(self.word(name))
        except ValueError:
            return None
        return found if found.tzinfo is not None else None

    def _number(self, name: str) -> int:
        word = self.word(name)
        return int(word) if word.isascii() and word.isdigit() and len(word) <= 7 else 0  # noqa: PLR2004 - far more than any session has


def _amount(detail: SessionDetail) -> str:
    """Return what the session costs, cut (never rounded) to six decimals, with a sign if cut."""
    if detail.hourly_price is None:
        return ""
    exact = exact_amount(quantity_us=detail.session.billable_us, hourly=detail.hourly_price)
    units = exact * 10**AMOUNT_PLACES
    whole = units.numerator // units.denominator
    text = amount_text(Decimal(whole).scaleb(-AMOUNT_PLACES), currency=detail.currency)
    return text if Fraction(whole) == units else f"{text}\N{HORIZONTAL ELLIPSIS}"
