"""`POST /api/v1/session-events`: what runners report, answered event by event."""

from typing import Any

import msgspec
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from billing.api.bodies import check_depth, read_body
from billing.api.cloudevents import parse_events
from billing.services.ingest import IngestResult, IngestScope, Verdict, ingest_events
from orgs.access.problems import Problem
from orgs.access.tokens import require_token_actor
from orgs.domain.roles import Capability


@csrf_exempt  # programs with a bearer token; a browser's cookies open nothing here
def session_events(request: HttpRequest) -> HttpResponse:
    """Take one CloudEvents event or a batch of up to 1,000, gzip allowed.

    Answers 200 when all are accepted or duplicates, 207 when anything is rejected or in
    conflict; nothing is answered before it is committed. A plain Django view: REST framework
    would cost as much as the work itself.
    """
    if request.method != "POST":
        raise Problem(
            405, "method_not_allowed", "Session events are posted.", headers={"Allow": "POST"}
        )
    actor = require_token_actor(request, capability=Capability.METERING_WRITE)
    body = read_body(request)
    check_depth(body)
    reported, rejected = parse_events(body, content_type=request.headers.get("Content-Type", ""))
    try:
        result = ingest_events(
            reported,
            scope=IngestScope(
                organization_id=actor.organization_id, source_prefix=actor.source_prefix
            ),
        )
    except OperationalError as error:
        raise Problem(
            503,
            "not_available",
            "The events could not be stored; nothing was. Send them again.",
            headers={"Retry-After": "5"},
        ) from error
    for verdict in rejected:
        result.add(verdict)
    return _answer(result)


def _answer(result: IngestResult) -> HttpResponse:
    verdicts = sorted(result.verdicts, key=lambda verdict: verdict.ordinal)
    document = {
        "accepted": result.accepted,
        "duplicates": result.duplicates,
        "conflicts": result.conflicts,
        "rejected": result.rejected,
        "results": [_row(verdict) for verdict in verdicts],
    }
    return HttpResponse(
        msgspec.json.encode(document),
        content_type="application/json",
        status=207 if result.rejected or result.conflicts else 200,
    )


def _row(verdict: Verdict) -> dict[str, Any]:
    row: dict[str, Any] = {
        "index": verdict.ordinal,
        "id": verdict.event_id,
        "status": verdict.status,
    }
    if verdict.status != "duplicate":
        row |= {"code": verdict.code, "detail": verdict.detail}
    return row
