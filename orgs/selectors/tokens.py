"""Tokens by their text, and the actor that a token is."""

from datetime import datetime

from orgs.domain.actors import Actor, ActorKind
from orgs.domain.roles import Scope
from orgs.domain.tokens import hash_of, is_well_formed
from orgs.models import AccessToken, Member


class TokenRefused(Exception):
    """The text opens nothing; `code` says why and never changes."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def get_token(text: str, *, at: datetime) -> AccessToken:
    """Return the token that is `text`, with its organization and member, in one indexed query.

    Raises `TokenRefused`: `token_invalid` for a text that is no token of ours (a mistyped one
    costs no query), `token_revoked`, also once its member is no longer active, `token_expired`.
    Whoever learns of the last two holds the secret.
    """
    token = (
        AccessToken.objects.select_related("organization", "member")
        .filter(secret_hash=hash_of(text))
        .first()
        if is_well_formed(text)
        else None
    )
    if token is None:
        raise TokenRefused("token_invalid", "The token is not valid.")
    refused = find_refusal(
        revoked_at=token.revoked_at,
        expires_at=token.expires_at,
        status=token.member.status if token.member is not None else None,
        at=at,
    )
    if refused is not None:
        raise refused
    return token


def find_refusal(
    *, revoked_at: datetime | None, expires_at: datetime | None, status: str | None, at: datetime
) -> TokenRefused | None:
    """Return why a token opens nothing at `at`, None if it does.

    `status` is that of the member in whose right it acts, None without a member.
    """
    if revoked_at is not None or status not in {None, Member.Status.ACTIVE}:
        return TokenRefused("token_revoked", "The token was revoked.")
    if expires_at is not None and expires_at <= at:
        return TokenRefused("token_expired", "The token has expired.")
    return None


def token_actor(token: AccessToken) -> Actor:
    """Return the actor that a token is: its scopes, within its member's role now.

    Its label is the kind: the name that someone gave it may name a person.
    """
    return Actor(
        kind=ActorKind.TOKEN,
        organization_id=token.organization_id,
        member_id=token.member_id,
        role=token.member.get_role() if token.member is not None else None,
        token_id=token.pk,
        scopes=frozenset(map(Scope, token.scopes)),
        source_prefix=token.source_prefix,
        label=token.kind,
    )
