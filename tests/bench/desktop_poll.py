"""B5: the unchanged settings poll (304); against a constant Django view on the same server."""

from datetime import UTC, datetime
from statistics import median

from tests.bench.place import web_process
from tests.bench.raw_http import measure, request
from tests.bench.report import Row
from tests.bench.workload import Customer, make_customer

ROUNDS = 5
SECONDS = 4.0
CONNECTIONS = 16
DESKTOPS = 200
"""Tokens that poll; each connection speaks for one at a time."""

SETTINGS = "/api/v1/desktop/settings"


def run() -> list[Row]:
    """Alternate the constant view and the poll; the figure is the median of the rounds' ratios."""
    customer = make_customer("desktop-poll", members=DESKTOPS, now=datetime.now(UTC))
    tokens = make_desktops(customer)
    constant = [request("/healthz")] * CONNECTIONS
    ratios, polled, plain = [], [], []
    with web_process() as port:
        polls = [_known(token, port=port) for token in tokens]
        measure(port, constant, seconds=1.0)
        for number in range(ROUNDS):
            first = number * CONNECTIONS
            some = [polls[n % DESKTOPS] for n in range(first, first + CONNECTIONS)]
            yardstick = measure(port, constant, seconds=SECONDS)
            poll = measure(port, some, seconds=SECONDS)
            assert (yardstick.statuses, poll.statuses) == ({200}, {304})
            plain.append(yardstick.per_second)
            polled.append(poll.per_second)
            ratios.append(poll.per_second / yardstick.per_second)
    return [
        Row(
            "B5",
            "unchanged settings poll (304) ÷ constant Django view on the same server",
            f"{median(ratios):.2f}",
            "≥ 0.6",
            f"{median(polled):,.0f} polls/s, /healthz {median(plain):,.0f} requests/s; "
            f"{CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS:.0f} s each",
        )
    ]


def make_desktops(customer: Customer) -> list[str]:
    """Return a desktop token for every member."""
    from orgs.domain.actors import operator
    from orgs.domain.roles import Scope
    from orgs.models import Member
    from orgs.services.audit import recording
    from orgs.services.tokens import create_token

    members = Member.objects.filter(organization_id=customer.id, pk__in=customer.members)
    with recording(actor=operator(label="bench"), at=datetime.now(UTC)) as trail:
        return [
            create_token(
                trail=trail,
                organization_id=customer.id,
                scopes=frozenset({Scope.DESKTOP}),
                member=member,
            ).text
            for member in members.order_by("pk")
        ]


def _known(token: str, *, port: int) -> bytes:
    """Poll once as a Desktop that knows nothing; return its next poll, which knows the ETag."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", SETTINGS, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()
    return request(SETTINGS, Authorization=f"Bearer {token}", If_None_Match=answer.headers["ETag"])
