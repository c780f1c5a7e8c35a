"""The fold against programs that we did not write: aw-core and DuckDB."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.domain.sessions import Event, Kind, fold
from tests.billing.domain.outside_folds import (
    MILLISECOND,
    SECOND,
    BridgedSpan,
    Span,
    spans_by_heartbeats,
    spans_by_sql,
)
from tests.billing.domain.strategies import EVENING, TIMEOUTS, streams, told_to_the_product
from tests.billing.domain.worked_cases import us

LONG_AFTER = EVENING + 1_000_000 * SECOND


@st.composite
def heartbeats(draw) -> tuple[list[int], int]:
    """Return instants in whole milliseconds, whose steps meet deadline and window often."""
    timeout = draw(st.sampled_from(TIMEOUTS))
    edges = [0, timeout * 500, timeout * 1_000, 300_000, timeout * 1_000 + 300_000]
    step = st.builds(int.__add__, st.sampled_from(edges), st.sampled_from([0, 0, 1, -1])).map(abs)
    now = EVENING
    instants = [now]
    for distance in draw(st.lists(step, max_size=30)):
        now += distance * MILLISECOND
        instants.append(now)
    return instants, timeout


@settings(max_examples=400, deadline=None)
@given(heartbeats())
def test_agrees_with_heartbeat_reduce(told):
    instants, timeout = told
    events = [Event(at, Kind.ACTIVE, "cpu-4x8", timeout) for at in instants]
    ours = [Span(s.started_at, s.active_until) for s in fold(events, as_of=LONG_AFTER)]
    assert ours == spans_by_heartbeats(instants, idle_timeout=timeout)


@pytest.mark.parametrize(
    ("second", "spans"),
    [
        ("599.999", [(0, "899.999")]),
        ("600", [(0, "900")]),
        ("600.001", [(0, "300"), ("600.001", "900.001")]),
    ],
)
def test_heartbeat_reduce_joins_at_the_edge_as_the_rule_does(second, spans):
    """Its comparison is `<=` too; otherwise its word on whole seconds would be worth little."""
    assert spans_by_heartbeats([0, us(second)], idle_timeout=300) == [
        Span(us(start), us(until)) for start, until in spans
    ]


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        yield connection


def test_agrees_with_sql(database):
    """Timeouts differ from event to event here, and instants are told twice."""

    @settings(max_examples=150, deadline=None)
    @given(st.lists(streams(kinds=("active",), machines=("cpu-4x8",)), min_size=1, max_size=8))
    def agrees(told):
        database.execute(
            "CREATE OR REPLACE TABLE events (stream INT, instant BIGINT, timeout_us BIGINT)"
        )
        rows = [
            (n, word.at, word.timeout * SECOND) for n, words in enumerate(told) for word in words
        ]
        if rows:
            database.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
        ours = {
            n: [
                BridgedSpan(s.started_at, s.active_until, s.bridged_us)
                for s in fold(told_to_the_product(words), as_of=LONG_AFTER)
            ]
            for n, words in enumerate(told)
            if words
        }
        assert ours == spans_by_sql(database)

    agrees()
