"""Worked cases at the edges of the continuity rule, beside the ones it is stated with.

The form is that of `worked_cases`; expectations are written out by hand from the rules' text.
"""

from tests.billing.domain.worked_cases import Case, active, ended, idle, session

WINDOW = (
    Case(
        "idle, then 299.999999 s",
        active(0) + idle(40) + active("339.999999"),
        (session(0, "639.999999", billed="639.999999", bridged="299.999999"),),
    ),
    Case(
        "idle, then 300.000001 s",
        active(0) + idle(40) + active("340.000001"),
        (
            session(0, 40, billed=40, state="ended", purges_at=340),
            session("340.000001", "640.000001", billed=300),
        ),
    ),
    Case(
        "silence, then 299.999999 s",
        active(0, "899.999999", t=600),
        (session(0, "1499.999999", billed="1499.999999", bridged="299.999999"),),
    ),
    Case(
        "silence, then 300 s",
        active(0, 900, t=600),
        (session(0, 1500, billed=1500, bridged=300),),
    ),
    Case(
        "silence, then 300.000001 s",
        active(0, "900.000001", t=600),
        (session(0, 600, billed=600), session("900.000001", "1500.000001", billed=600)),
    ),
    Case(
        "the shortest timeout and the whole window",
        active(0, 310, t=10),
        (session(0, 320, billed=320, bridged=300),),
    ),
    Case(
        "the longest timeout and the whole window",
        active(0, 3900, t=3600),
        (session(0, 7500, billed=7500, bridged=300),),
    ),
    Case(
        "activity at the deadline itself: nothing to bridge",
        active(0, 300),
        (session(0, 600, billed=600),),
    ),
    Case(
        "activity a microsecond after the deadline",
        active(0, "300.000001"),
        (session(0, "600.000001", billed="600.000001", bridged="0.000001"),),
    ),
    Case(
        "a later deadline replaces an earlier one",
        active(0, t=10) + active(5, t=600),
        (session(0, 605, billed=605),),
    ),
    Case(
        "each gap is measured alone",
        active(0, 310, 620, 930, t=10),
        (session(0, 940, billed=940, bridged=900),),
    ),
    Case(
        "the timeout on `idle` is not used",
        active(0) + idle(40, t=3600) + active(341),
        (session(0, 40, billed=40), session(341, 641, billed=300)),
    ),
)

WORDS_WITHOUT_EFFECT = (
    Case("`idle` without a session", idle(0) + active(10), (session(10, 310, billed=300),)),
    Case("`ended` without a session", ended(0) + active(10), (session(10, 310, billed=300),)),
    Case("words, but no activity", idle(0) + ended(10), ()),
    Case(
        "a second `idle`: the earlier instant stands",
        active(0) + idle(40) + idle(100) + active(341),
        (session(0, 40, billed=40), session(341, 641, billed=300)),
    ),
    Case(
        "`idle` after silence: the deadline stands",
        active(0) + idle(350) + active(601),
        (session(0, 300, billed=300), session(601, 901, billed=300)),
    ),
    Case(
        "`idle` after `ended`",
        active(0) + ended(40) + idle(50),
        (session(0, 40, billed=40, state="ended", purges_at=40),),
    ),
    Case(
        "a second `ended`",
        active(0) + ended(40) + ended(50),
        (session(0, 40, billed=40, state="ended", purges_at=40),),
    ),
    Case(
        "`idle` of another machine while active",
        active(0) + idle(40, on="gpu"),
        (session(0, 300, billed=300),),
    ),
    Case(
        "`ended` of another machine while idle",
        active(0) + idle(40) + ended(50, on="gpu") + active(60),
        (session(0, 360, billed=360, bridged=20),),
    ),
    Case(
        "`ended` of the new machine at the instant of the change",
        active(0) + ended(100, on="gpu") + active(100, on="gpu"),
        (session(0, 100, billed=100), session(100, 400, billed=300, on="gpu")),
    ),
)

TIES = (
    Case(
        "`idle` and `active`: went idle and came back",
        active(0) + idle(40) + active(40),
        (session(0, 340, billed=340),),
    ),
    Case(
        "`ended` and `active`: two that touch",
        active(0) + ended(40) + active(40),
        (session(0, 40, billed=40), session(40, 340, billed=300)),
    ),
    Case(
        "all three at once",
        active(0) + idle(40) + ended(40) + active(40),
        (session(0, 40, billed=40), session(40, 340, billed=300)),
    ),
    Case(
        "the shortest timeout of an instant holds",
        active(0, 100, t=600) + active(100, t=10),
        (session(0, 110, billed=110),),
    ),
    Case(
        "two machines begin at once: the one of no length is not stored",
        active(0) + active(0, on="gpu"),
        (session(0, 300, billed=300, on="gpu"),),
    ),
    Case(
        "the open machine is named first: it is extended, then ends",
        active(0, 100) + active(100, on="gpu"),
        (session(0, 100, billed=100), session(100, 400, billed=300, on="gpu")),
    ),
    Case(
        "machines before timeouts",
        active(0, t=600, on="gpu") + active(0, t=10, on="gpu") + active(0, t=300),
        (session(0, 10, billed=10, on="gpu"),),
    ),
    Case(
        "machines go by code point: capitals first",
        active(0, on="a") + active(100, on="a") + active(100, on="Z"),
        (session(0, 100, billed=100, on="a"), session(100, 400, billed=300, on="a")),
    ),
    Case(
        "`ended` at the deadline",
        active(0) + ended(300) + active(301),
        (
            session(0, 300, billed=300, state="ended", purges_at=300),
            session(301, 601, billed=300),
        ),
    ),
    Case(
        "`ended` and `active` at the end of the window",
        active(0) + idle(40) + ended(340) + active(340),
        (session(0, 40, billed=40, purges_at=340), session(340, 640, billed=300)),
    ),
    Case(
        "`idle` and `active` at the end of the window",
        active(0) + idle(40) + idle(340) + active(340),
        (session(0, 640, billed=640, bridged=300),),
    ),
)

PURGES = (
    Case(
        "ended while active",
        active(0) + ended(40),
        (session(0, 40, billed=40, state="ended", ended_at=40, purges_at=40),),
    ),
    Case(
        "ended while idle",
        active(0) + idle(40) + ended(100),
        (session(0, 40, billed=40, state="ended", ended_at=40, purges_at=100),),
    ),
    Case(
        "ended at the last instant of the window",
        active(0) + idle(40) + ended(340),
        (session(0, 40, billed=40, purges_at=340),),
    ),
    Case(
        "… and then, at once, it is idle no longer",
        active(0) + idle(40) + ended(340),
        (session(0, 40, billed=40, state="ended", purges_at=340),),
        as_of=340,
    ),
    Case(
        "`ended` after the purge",
        active(0) + idle(40) + ended("340.000001"),
        (session(0, 40, billed=40, ended_at=40, purges_at=340),),
    ),
    Case(
        "another machine while active",
        active(0) + active(100, on="gpu"),
        (
            session(0, 100, billed=100, state="ended", ended_at=100, purges_at=100),
            session(100, 400, billed=300, on="gpu", state="ended", purges_at=700),
        ),
    ),
    Case(
        "another machine while idle: the gap is not bridged",
        active(0) + idle(40) + active(100, on="gpu"),
        (
            session(0, 40, billed=40, state="ended", ended_at=40, purges_at=100),
            session(100, 400, billed=300, on="gpu"),
        ),
    ),
    Case(
        "another machine after the purge",
        active(0) + idle(40) + active("340.000001", on="gpu"),
        (
            session(0, 40, billed=40, ended_at=40, purges_at=340),
            session("340.000001", "640.000001", billed=300, on="gpu"),
        ),
    ),
    Case(
        "silence for long",
        active(0, 1000),
        (
            session(0, 300, billed=300, ended_at=300, purges_at=600),
            session(1000, 1300, billed=300),
        ),
    ),
)

AS_OF = (
    Case("before everything", active(10), (), as_of="9.999999"),
    Case(
        "at the first event: of no length so far",
        active(0),
        (),
        as_of=0,
    ),
    Case(
        "a microsecond after the first event",
        active(0),
        (session(0, "0.000001", billed="0.000001", state="active", idles_at=300),),
        as_of="0.000001",
    ),
    Case(
        "a microsecond before the deadline",
        active(0),
        (session(0, "299.999999", billed="299.999999", state="active", idles_at=300),),
        as_of="299.999999",
    ),
    Case(
        "the gap is open: it is not billed",
        active(0) + idle(40) + active(340),
        (session(0, 40, billed=40, state="idle", idle_since=40, purges_at=340),),
        as_of="339.999999",
    ),
    Case(
        "the event at `as_of` counts and bridges the gap",
        active(0) + idle(40) + active(340),
        (session(0, 340, billed=340, bridged=300, state="active", idles_at=640),),
        as_of=340,
    ),
    Case(
        "`idle` at `as_of`",
        active(0) + idle(40),
        (session(0, 40, billed=40, state="idle", idle_since=40, purges_at=340),),
        as_of=40,
    ),
    Case(
        "`ended` at `as_of`",
        active(0) + ended(40),
        (session(0, 40, billed=40, state="ended", purges_at=40),),
        as_of=40,
    ),
    Case(
        "another machine at `as_of`",
        active(0) + active(40, on="gpu"),
        (session(0, 40, billed=40, state="ended", purges_at=40),),
        as_of=40,
    ),
    Case(
        "what is later than `as_of` is unheard",
        active(0) + idle(40) + ended(100) + active(120, on="gpu"),
        (session(0, 40, billed=40, state="idle", idle_since=40, purges_at=340),),
        as_of=99,
    ),
    Case(
        "a later, shorter timeout is unheard too",
        active(0, t=600) + active(100, t=10),
        (session(0, 99, billed=99, state="active", idles_at=600),),
        as_of=99,
    ),
)

GROUPS = {
    "The window": WINDOW,
    "Words without effect": WORDS_WITHOUT_EFFECT,
    "Several events of one instant": TIES,
    "When the environment is purged": PURGES,
    "As of an instant": AS_OF,
}
