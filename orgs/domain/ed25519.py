"""Ed25519 signatures (RFC 8032, section 5.1), in the standard library alone.

For checkpoints of the audit log: a few a day, over text that is no secret. The arithmetic takes
no constant time, so nothing that a stranger can ask for in number is signed by it (ADR-0020).
"""

import hashlib
from typing import Final, NamedTuple

SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_P: Final = 2**255 - 19
"""The field: coordinates are numbers modulo this prime."""

_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""How many points the base point makes."""

_D: Final = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_1: Final = pow(2, (_P - 1) // 4, _P)


class _Point(NamedTuple):
    """A point in extended coordinates: `x/z`, `y/z`, and `t = xy/z`."""

    x: int
    y: int
    z: int
    t: int


_NEUTRAL: Final = _Point(0, 1, 1, 0)


def public_key_of(seed: bytes) -> bytes:
    """Return the public key of a 32-byte seed."""
    scalar, _ = _expand(seed)
    return _encode(_times(scalar, _BASE))


def sign(message: bytes, *, seed: bytes) -> bytes:
    """Return the one signature of a message under a seed."""
    scalar, prefix = _expand(seed)
    public = _encode(_times(scalar, _BASE))
    nonce = _number(prefix, message) % _ORDER
    commitment = _encode(_times(nonce, _BASE))
    challenge = _number(commitment, public, message) % _ORDER
    answer = (nonce + challenge * scalar) % _ORDER
    return commitment + answer.to_bytes(32, "little")


def is_signed(message: bytes, *, signature: bytes, public_key: bytes) -> bool:
    """Whether the holder of the public key's seed signed exactly this message."""
    if len(signature) != SIGNATURE_BYTES or len(public_key) != PUBLIC_BYTES:
        return False
    signer, commitment = _decode(public_key), _decode(signature[:32])
    answer = int.from_bytes(signature[32:], "little")
    if signer is None or commitment is None or answer >= _ORDER:
        return False
    challenge = _number(signature[:32], public_key, message) % _ORDER
    return _is_same(_times(answer, _BASE), _plus(commitment, _times(challenge, signer)))


def _expand(seed: bytes) -> tuple[int, bytes]:
    if len(seed) != SEED_BYTES:
        msg = f"a seed has {SEED_BYTES} bytes"
        raise ValueError(msg)
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return scalar & ((1 << 254) - 8) | (1 << 254), digest[32:]


def _number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _plus(p: _Point, q: _Point) -> _Point:
    a = (p.y - p.x) * (q.y - q.x) % _P
    b = (p.y + p.x) * (q.y + q.x) % _P
    c = 2 * p.t * q.t * _D % _P
    d = 2 * p.z * q.z % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return _Point(e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(scalar: int, point: _Point) -> _Point:
    result = _NEUTRAL
    while scalar:
        if scalar & 1:
            result = _plus(result, point)
        point = _plus(point, point)
        scalar >>= 1
    return result


def _is_same(p: _Point, q: _Point) -> bool:
    return (p.x * q.z - q.x * p.z) % _P == 0 and (p.y * q.z - q.y * p.z) % _P == 0


def _encode(point: _Point) -> bytes:
    inverse = pow(point.z, -1, _P)
    x, y = point.x * inverse % _P, point.y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decode(text: bytes) -> _Point | None:
    number = int.from_bytes(text, "little")
    sign_bit, y = number >> 255, number & ((1 << 255) - 1)
    x = _x_of(y, sign_bit) if y < _P else None
    return None if x is None else _Point(x, y, 1, x * y % _P)


def _x_of(y: int, sign_bit: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if (x * x - square) % _P or (x == 0 and sign_bit):
        return None
    return x if x & 1 == sign_bit else _P - x


def _base_point() -> _Point:
    y = 4 * pow(5, -1, _P) % _P
    x = _x_of(y, 0)
    assert x is not None  # noqa: S101 - the standard's own point
    return _Point(x, y, 1, x * y % _P)


_BASE: Final = _base_point()
