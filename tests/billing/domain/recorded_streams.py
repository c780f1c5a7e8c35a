"""The stretches that the fold stores of a stream, as a replay takes them."""

from billing.domain.replay import RecordedStretch, ReplayedSession
from billing.domain.sessions import fold
from tests.billing.domain.naive_fold import Word
from tests.billing.domain.strategies import told_to_the_product


def recorded(words: list[Word], as_of: int) -> list[RecordedStretch]:
    """Return the stretches that the fold stores of these events."""
    stretches = []
    for session in fold(told_to_the_product(words), as_of=as_of):
        terminated_at = session.purges_at if session.end_reason else None
        *inner, last = session.stretches
        stretches += [
            RecordedStretch(each.started_at, each.active_until, session.machine, each.idle_timeout)
            for each in inner
        ]
        stretches.append(
            RecordedStretch(
                last.started_at,
                last.active_until,
                session.machine,
                last.idle_timeout,
                terminated_at,
            )
        )
    return stretches


def parts(sessions: list[ReplayedSession]) -> list[tuple[int, ...]]:
    """Return sessions as (start, end, waiting, bridged)."""
    return [(one.started_at, one.active_until, one.waiting_us, one.bridged_us) for one in sessions]
