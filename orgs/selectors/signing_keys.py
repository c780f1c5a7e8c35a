"""The keys that sign checkpoints: the one in use, and all that are trusted to have done so."""

from functools import lru_cache

from django.conf import settings

from orgs.domain.audit_checkpoints import SigningKey, signing_key_of


def get_signing_key() -> SigningKey:
    """Return the key in use: the first of `SIGNING_KEY`."""
    return _key(settings.SIGNING_KEYS[0])


def list_trusted_keys() -> list[bytes]:
    """Return the public keys of all of `SIGNING_KEY`, the one in use first."""
    return [_key(secret).public_key for secret in settings.SIGNING_KEYS]


@lru_cache(maxsize=8)
def _key(secret: str) -> SigningKey:
    return signing_key_of(secret)
