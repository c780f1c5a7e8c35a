"""Streams of session events that hit ties, exact deadlines and exact windows far more often than
chance would.

Events are made as `naive_fold.Word`; `told_to_the_product` gives them the product's type.
"""

from hypothesis import strategies as st

from tests.billing.domain.naive_fold import FIVE_MINUTES, SECOND, TURN, Word

MACHINES = ("cpu-4x8", "Gpu-8x32", "cpu-16x32")
TIMEOUTS = (10, 11, 300, 600, 3600)
# A real evening; the product's instants are not small numbers.
EVENING = 1_795_464_000 * SECOND
MOST_EVENTS = 14


def steps(timeouts: tuple[int, ...]) -> list[int]:
    """Return the distances between events at which something changes, and their neighbours."""
    edges = {0, FIVE_MINUTES}
    for timeout in timeouts:
        deadline = timeout * SECOND
        edges |= {deadline, deadline // 2, deadline // 2 + SECOND, deadline + FIVE_MINUTES}
    around = {edge + near for edge in edges for near in (-1, 0, 1)}
    plain = {1, 5, 40, 60, 100, 150, 295, 305, 900}
    return sorted({step for step in around if step >= 0} | {each * SECOND for each in plain})


@st.composite
def streams(
    draw: st.DrawFn,
    kinds: tuple[str, ...] = ("active", "active", "active", "idle", "ended"),
    machines: tuple[str, ...] = MACHINES,
    timeouts: tuple[int, ...] = TIMEOUTS,
) -> list[Word]:
    """Return a stream in the order of time, whose steps are drawn from the edges of the rule.

    Few timeouts and machines are used at once, so that edges of one meet events of the other.
    """
    used_timeouts = draw(st.lists(st.sampled_from(timeouts), min_size=1, max_size=2, unique=True))
    used_machines = draw(st.lists(st.sampled_from(machines), min_size=1, max_size=3, unique=True))
    step = st.sampled_from(steps(tuple(used_timeouts)))
    word = st.tuples(
        step,
        st.sampled_from(kinds),
        st.sampled_from(used_machines),
        st.sampled_from(used_timeouts),
    )
    now = EVENING
    words = []
    for distance, kind, machine, timeout in draw(st.lists(word, max_size=MOST_EVENTS)):
        now += distance
        words.append(Word(kind, now, machine, timeout))
    return words


@st.composite
def instants_of(draw: st.DrawFn, words: list[Word]) -> int:
    """Return an instant to look from: around an event, or at an edge after one."""
    base = draw(st.sampled_from([word.at for word in words] or [EVENING]))
    timeouts = tuple({word.timeout for word in words}) or (300,)
    return base + draw(st.sampled_from([-SECOND, -1, *steps(timeouts), 10_000 * SECOND]))


@st.composite
def streams_and_instants(draw: st.DrawFn, **how) -> tuple[list[Word], int]:
    """Return a stream and an instant to look at it from."""
    words = draw(streams(**how))
    return words, draw(instants_of(words))


def told_to_the_product(words: list[Word]) -> list:
    """Return the same events in the product's own type."""
    from billing.domain.sessions import Event

    return [Event(word.at, TURN[word.kind], word.machine, word.timeout) for word in words]
