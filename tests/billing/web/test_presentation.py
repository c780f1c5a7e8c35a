"""How time and money are put into words and places."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

import pytest
from django.utils import translation

from billing.domain.instants import HOUR_US, SECOND_US
from billing.domain.rating import Price, RateCardVersion
from billing.selectors.prices import PriceBook, estimate
from billing.selectors.sessions import SessionView
from billing.selectors.stretches import Piece, StoredStretch, pieces_of
from billing.templatetags.usage import amount_text, duration_text, seconds
from billing.web.charts import days_by_team
from billing.web.timelines import PIECES_DRAWN, condense, draw
from orgs.templatetags.console import address, initials, offset_text

START = datetime(2026, 11, 23, 1, 2, 7, tzinfo=UTC)


def at(seconds_on: float) -> datetime:
    return START + timedelta(seconds=seconds_on)


@pytest.mark.parametrize(
    ("value_us", "english", "chinese"),
    [
        (0, "0 s", "0 秒"),
        (500_000, "0.5 s", "0.5 秒"),
        (7, "0.000007 s", "0.000007 秒"),
        (59_999_999, "59 s", "59 秒"),
        (185 * SECOND_US, "3 min 05 s", "3 分 5 秒"),
        (4_985 * SECOND_US, "1 h 23 min 05 s", "1 小时 23 分 5 秒"),
        (1_234 * HOUR_US + SECOND_US, "1,234 h 00 min 01 s", "1,234 小时 0 分 1 秒"),
        (-61 * SECOND_US, "\N{MINUS SIGN}1 min 01 s", "\N{MINUS SIGN}1 分 1 秒"),
    ],
)
def test_duration_is_said_in_the_readers_language(value_us, english, chinese):
    with translation.override("en"):
        assert duration_text(value_us) == english
    with translation.override("zh-hans"):
        assert duration_text(value_us) == chinese


def test_numbers_are_grouped_and_exact():
    assert seconds(10_973_500_001) == "10,973.500001"
    assert amount_text(Decimal("4182.6000"), currency="USD") == "4,182.60"
    assert amount_text(Decimal("-0.1250"), currency="USD") == "\N{MINUS SIGN}0.125"
    assert amount_text(Decimal(4182), currency="JPY") == "4,182"


def test_an_address_may_break_behind_its_at_and_stays_text():
    assert address("mei@acme.example") == "mei@<wbr>acme.example"
    assert address("<b>@x.example") == "&lt;b&gt;@<wbr>x.example"
    assert address("nobody") == "nobody<wbr>"


def test_initials_and_offsets():
    assert [initials(name) for name in ("Lena Ortiz", "王美", "u7@x.example", "欧阳春晓", "")] == [
        "LO",
        "王美",
        "U7",
        "春晓",
        "?",
    ]
    zones = [timedelta(hours=8), timedelta(hours=5, minutes=30), timedelta(hours=-3), timedelta(0)]

    assert [offset_text(START, timezone(zone)) for zone in zones] == [
        "UTC+8",
        "UTC+5:30",
        "UTC\N{MINUS SIGN}3",
        "UTC",
    ]


def session(**changes: object) -> SessionView:
    """A session of 1,273 s: 300 s of activity, 300 waited, 173 bridged, 200, then 300 waited."""
    values: dict[str, object] = {
        "id": None,
        "member_id": 1,
        "member_name": "",
        "member_email": "",
        "team_id": None,
        "team_name": "",
        "team_slug": "",
        "machine": "cpu-4x8",
        "machine_id": 1,
        "started_at": START,
        "active_until": at(1273),
        "terminated_at": None,
        "state": "ended",
        "idles_at": None,
        "purges_at": at(1573),
        "ended_at": at(1273),
        "end_reason": "",
        "working_us": 1100 * SECOND_US,
        "waiting_us": 600 * SECOND_US,
        "bridged_us": 173 * SECOND_US,
        "policy_revision": None,
        "outside_policy": "",
        "event_count": 9,
    }
    return SessionView(**(values | changes))


STRETCHES = [
    StoredStretch(START, at(300), at(600), 300),
    StoredStretch(at(773), at(973), at(1273), 300),
]


def test_pieces_add_up_to_what_is_billed():
    pieces = pieces_of(session(), STRETCHES, as_of=at(5000))

    assert [(piece.kind, piece.length_us // SECOND_US) for piece in pieces] == [
        ("working", 300),
        ("waiting", 300),
        ("bridged", 173),
        ("working", 200),
        ("waiting", 300),
        ("idle", 300),
    ]
    billed = sum(piece.length_us for piece in pieces if piece.is_billed)
    assert billed == session().billable_us == 1273 * SECOND_US


def test_time_to_come_is_not_drawn():
    running = session(
        state="active",
        idles_at=at(1273),
        purges_at=None,
        ended_at=None,
        working_us=(1100 - 200) * SECOND_US,
        waiting_us=(600 - 200) * SECOND_US,
    )
    pieces = pieces_of(running, STRETCHES, as_of=at(1073))

    assert pieces[-1] == Piece("waiting", at(973), at(1073), 300)
    assert sum(piece.length_us for piece in pieces) == running.billable_us == 1073 * SECOND_US


def test_idle_is_drawn_up_to_now_while_the_environment_is_kept():
    idle = session(state="idle", ended_at=None)

    assert pieces_of(idle, STRETCHES, as_of=at(1373))[-1] == Piece("idle", at(1273), at(1373), 0)


def test_a_long_line_of_time_is_condensed_without_holes():
    pieces = []
    for number in range(2000):
        begin = number * 400
        pieces.append(Piece("working", at(begin), at(begin + 300), 300))
        pieces.append(Piece("bridged", at(begin + 300), at(begin + 400), 0))
    found = condense(pieces)

    assert PIECES_DRAWN // 2 <= len(found) <= PIECES_DRAWN + 1
    assert (found[0].start, found[-1].end) == (pieces[0].start, pieces[-1].end)
    assert all(one.end == two.start for one, two in pairwise(found))


def test_ticks_stand_at_round_local_times():
    with translation.override("en"):
        drawn = draw(
            [],
            start=START,
            end=at(3 * 3600),
            now=at(3600),
            zone="Asia/Kolkata",
            summary="",
            has_labels=True,
        )

    labels = ["07:00", "07:30", "08:00", "08:30", "09:00", "09:30"]
    assert [tick.label for tick in drawn.ticks] == labels
    assert drawn.ticks[-1].anchor == "end"
    assert drawn.now_x == "33.333"


def test_days_without_use_are_shown_and_small_teams_are_one():
    usage = {(date(2026, 11, 1), team): team * HOUR_US for team in range(1, 8)} | {
        (date(2026, 11, 3), None): HOUR_US
    }
    table = days_by_team(
        usage,
        team_names={team: f"team {team}" for team in range(1, 8)},
        first=date(2026, 11, 1),
        last=date(2026, 11, 3),
    )

    assert [column.name for column in table.columns][:5] == [
        "team 7",
        "team 6",
        "team 5",
        "team 4",
        "team 3",
    ]
    assert [column.key for column in table.columns] == ["1", "2", "3", "4", "5", "other"]
    sums = [(day.day, total // HOUR_US) for day, _, total in table.rows]
    assert sums == [(1, 28), (2, 0), (3, 1)]
    assert table.columns[-1].values == (3 * HOUR_US, 0, HOUR_US)


def test_shares_add_up_to_the_lines_of_an_invoice():
    card = RateCardVersion(
        id=1,
        effective_from=date(2026, 1, 1),
        currency="USD",
        prices={"cpu": Price(hourly=Decimal("0.10")), "gpu": Price(hourly=Decimal("1.00"))},
    )
    third = HOUR_US // 3
    found = estimate(
        [("a", "cpu", 0, third), ("b", "cpu", 0, third), ("c", "gpu", 0, third)],
        book=PriceBook(cards=(card,)),
    )

    # cpu 0.0667 is billed as 0.07, gpu 0.3333 as 0.33: 0.40 in all; the cent that is left of
    # three equal remainders goes to the first
    assert found.total == Decimal("0.40")
    assert found.shares == {"a": Decimal("0.04"), "b": Decimal("0.03"), "c": Decimal("0.33")}
