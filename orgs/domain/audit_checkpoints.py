"""Signed checkpoints: what one states, with which key, and how long the log is kept (ADR-0020)."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from orgs.domain.audit import Json, canonical_json
from orgs.domain.ed25519 import is_signed, public_key_of, sign

RETENTION: Final = timedelta(days=400)
"""How long an event is kept at least; the log is cut at a checkpoint that is older than this."""

CHECKPOINT_VERSION: Final = 1
_PURPOSE: Final = b"offload_admin audit checkpoint 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """A key pair made from a secret of the environment."""

    seed: bytes
    public_key: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointStatement:
    """What a checkpoint says: at that instant the chain of an organization ended like this."""

    organization_id: int
    sequence: int
    hash: bytes
    signed_at: datetime


def signing_key_of(secret: str) -> SigningKey:
    """Return the key pair that belongs to a secret text; the same text makes the same pair."""
    seed = hmac.digest(_PURPOSE, secret.encode(), hashlib.sha256)
    return SigningKey(seed=seed, public_key=public_key_of(seed))


def key_id(public_key: bytes) -> str:
    """Return the short name of a public key, which people compare: 16 hex digits."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def statement_content(statement: CheckpointStatement) -> dict[str, Json]:
    """Return what is signed, as any program finds it in an exported file."""
    return {
        "version": CHECKPOINT_VERSION,
        "organization_id": statement.organization_id,
        "sequence": statement.sequence,
        "hash": statement.hash.hex(),
        "signed_at": statement.signed_at.astimezone(UTC).isoformat(timespec="microseconds"),
    }


def sign_statement(statement: CheckpointStatement, *, key: SigningKey) -> bytes:
    """Return the signature of a checkpoint."""
    return sign(canonical_json(statement_content(statement)), seed=key.seed)


def is_statement_signed(
    statement: CheckpointStatement, *, signature: bytes, public_key: bytes
) -> bool:
    """Whether the signature is that key's, over this statement."""
    message = canonical_json(statement_content(statement))
    return is_signed(message, signature=signature, public_key=public_key)
