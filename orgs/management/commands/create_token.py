"""`manage.py create_token`: a token for a program, shown once."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from orgs.domain.actors import operator
from orgs.domain.names import NAME_LENGTH
from orgs.domain.roles import Scope
from orgs.domain.tokens import ScopesDoNotFit
from orgs.management.arguments import organization_of
from orgs.models import Member, Organization
from orgs.models.tokens import SOURCE_PREFIX_LENGTH
from orgs.selectors.members import find_member
from orgs.services.audit import recording
from orgs.services.tokens import CreatedToken, TokenDoesNotFit, create_token

EXPIRES_IN_DAYS_MAXIMUM = 3650


class Command(BaseCommand):
    """Makes an access token and prints it; metering tokens are made here only."""

    help = "Make an access token for a program. It is shown once and stored as a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options of the public contract."""
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--organization", metavar="SLUG", help="the organization it is for")
        where.add_argument(
            "--all-organizations",
            action="store_true",
            help="for a runner that hosts many organizations (metering:write only)",
        )
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            dest="scopes",
            choices=[scope.value for scope in Scope],
            help="what it may do; repeatable",
        )
        parser.add_argument(
            "--user", metavar="EMAIL", help="the member in whose right it acts, within that role"
        )
        parser.add_argument("--name", default="", help="a word to know it by")
        parser.add_argument(
            "--source",
            default="",
            metavar="PREFIX",
            help="accept only events whose source begins so (metering:write only)",
        )
        parser.add_argument("--expires-in-days", type=int, metavar="D", help="never, if left out")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the token and print it."""
        now = timezone.now()
        slug = options["organization"]
        organization = None if slug is None else organization_of(slug)
        created = _create(
            organization,
            member=_member(organization, options["user"]),
            now=now,
            expires_at=_expiry(options["expires_in_days"], now=now),
            options=options,
        )
        token = created.token
        document = {
            "token": created.text,
            "id": token.pk,
            "scopes": token.scopes,
            "expires_at": token.expires_at.isoformat().replace("+00:00", "Z")
            if token.expires_at
            else None,
        }
        if options["json"]:
            self.stdout.write(json.dumps(document))
        else:
            self.stdout.write(created.text)
            self.stderr.write(
                f"Token {token.pk} with {', '.join(token.scopes)}, "
                f"{'until ' + str(document['expires_at']) if token.expires_at else 'for ever'}. "
                "It is not shown again."
            )


def _member(organization: Organization | None, email: str | None) -> Member | None:
    if email is None:
        return None
    if organization is None:
        raise CommandError("--user needs --organization")
    member = find_member(organization_id=organization.pk, email=email)
    if member is None or member.status != Member.Status.ACTIVE:
        raise CommandError(f"{email} is not an active member of {organization.slug}")
    return member


def _expiry(days: int | None, *, now: datetime) -> datetime | None:
    if days is None:
        return None
    if not 1 <= days <= EXPIRES_IN_DAYS_MAXIMUM:
        raise CommandError(f"--expires-in-days is a number from 1 to {EXPIRES_IN_DAYS_MAXIMUM}")
    return now + timedelta(days=days)


def _create(
    organization: Organization | None,
    *,
    member: Member | None,
    now: datetime,
    expires_at: datetime | None,
    options: dict[str, Any],
) -> CreatedToken:
    for option, limit in (("name", NAME_LENGTH), ("source", SOURCE_PREFIX_LENGTH)):
        if len(options[option]) > limit:
            raise CommandError(f"--{option} has at most {limit} characters")
    try:
        with recording(actor=operator(label="create_token"), at=now) as trail:
            return create_token(
                trail=trail,
                organization_id=organization.pk if organization else None,
                scopes=frozenset(map(Scope, options["scopes"])),
                member=member,
                name=options["name"],
                source_prefix=options["source"],
                expires_at=expires_at,
            )
    except (ScopesDoNotFit, TokenDoesNotFit) as error:
        raise CommandError(str(error)) from error
