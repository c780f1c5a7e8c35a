#!/usr/bin/env python3
"""Verify an exported audit log. Needs Python 3.10 or later and nothing else.

    python3 verify_audit.py acme-audit.jsonl [--public-key HEX]

Shown to hold, or the line and the entry that do not: every line is written in the one canonical
way, every entry has the hash of its content, follows the one before it and has the next number,
every personal value that is left has the digest that the entry names, every checkpoint is signed
and names the hash of its entry, and the file is as it was written.

Who signs is told by the file itself unless --public-key (from the audit page, kept by you) says
which key it must be. Exit code 0: all of it holds. 1: something does not. 2: no such file.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

FORMAT = 1
CHAIN_VERSION = 1
CHECKPOINT_VERSION = 1
CHAIN_START = "00" * 32
SALT_BYTES = 16
LINE_BYTES = 64 * 1024 * 1024

HEADER: dict[str, type] = dict.fromkeys(("format", "first_sequence", "last_sequence"), int)
HEADER |= {"kind": str, "organization": dict, "exported_at": str, "public_keys": list}
EVENT: dict[str, type] = {"kind": str, "content": dict, "hash": str, "personal": dict}
CONTENT: dict[str, type] = {
    "version": int,
    "previous_hash": str,
    "organization_id": int,
    "sequence": int,
    "at": str,
    "actor": dict,
    "action": str,
    "target": dict,
    "diff": dict,
    "personal_digests": dict,
    "reason": str,
}
CHECKPOINT: dict[str, type] = {"kind": str, "content": dict, "public_key": str, "signature": str}
STATEMENT: dict[str, type] = dict.fromkeys(("version", "organization_id", "sequence"), int)
STATEMENT |= dict.fromkeys(("hash", "signed_at"), str)
END: dict[str, type] = {"kind": str, "lines": int, "sha256": str}


class Fault(Exception):
    """What does not hold, in which line of the file and at which entry (None: at no entry)."""

    def __init__(self, line: int, sequence: int | None, problem: str) -> None:
        where = f"line {line}" if sequence is None else f"line {line}, entry {sequence}"
        super().__init__(f"{where}: {problem}")
        self.line = line
        self.sequence = sequence
        self.problem = problem


class Verifier:
    """Takes the lines of a file one by one and raises `Fault` at the first that does not hold."""

    def __init__(self, public_keys: Sequence[str] = ()) -> None:
        """Trust these public keys (hex); none means: those that the file names."""
        self.trusted = list(public_keys)
        self.line = 0
        self.sequence: int | None = None
        self.slug = ""
        self.organization_id = 0
        self.first = self.last = 0
        self.hash = ""
        self.first_at = self.last_at = ""
        self.signed: list[tuple[int, str]] = []
        self.kept = self.erased = 0
        self.is_ended = False
        self._digest = hashlib.sha256()

    def take(self, raw: bytes) -> None:
        """Take the next line, its line feed included."""
        self.line += 1
        if self.is_ended:
            self.refuse("there is something after the end")
        if not raw.endswith(b"\n"):
            self.refuse("the line does not end: the file was cut off")
        entry = self._read(raw[:-1])
        kind = entry.get("kind")
        if (self.line == 1) != (kind == "audit_log"):
            self.refuse("this is not an exported audit log")
        takers: dict[str, Callable[[dict[str, Any]], None]] = {
            "audit_log": self._take_header,
            "event": self._take_event,
            "checkpoint": self._take_checkpoint,
            "end": self._take_end,
        }
        if not isinstance(kind, str) or kind not in takers:
            self.refuse("the line is none that an audit log has")
        takers[kind](entry)
        self._digest.update(raw)

    def finish(self) -> None:
        """Say that there are no more lines."""
        if not self.is_ended:
            self.line += 1
            self.refuse("the end is missing: the file was cut off")

    def refuse(self, problem: str) -> NoReturn:
        """Raise the fault at this line."""
        raise Fault(self.line, self.sequence, problem)

    def _read(self, text: bytes) -> dict[str, Any]:
        try:
            entry = json.loads(text.decode("utf-8"), parse_float=_refuse, parse_constant=_refuse)
            again = canonical(entry)
        except (ValueError, RecursionError):
            self.refuse("the line can't be read as canonical JSON")
        if not isinstance(entry, dict) or again != text:
            self.refuse("the line is not written in the canonical way: it was changed")
        return entry

    def _take_header(self, entry: dict[str, Any]) -> None:
        self._require(entry, HEADER)
        organization = entry["organization"]
        self._require(organization, {"id": int, "slug": str})
        if entry["format"] != FORMAT:
            self.refuse(f"format {entry['format']} needs another version of this program")
        self.slug, self.organization_id = organization["slug"], organization["id"]
        self.first, self.last = entry["first_sequence"], entry["last_sequence"]
        self.trusted = self.trusted or [str(key) for key in entry["public_keys"]]
        self.hash = CHAIN_START if self.first == 1 else ""

    def _take_event(self, entry: dict[str, Any]) -> None:
        self.sequence = self.first if self.sequence is None else self.sequence + 1
        self._require(entry, EVENT)
        content = entry["content"]
        self._require(content, CONTENT)
        if content["version"] != CHAIN_VERSION:
            self.refuse(
                f"chain version {content['version']} needs another version of this program"
            )
        if content["organization_id"] != self.organization_id:
            self.refuse("the entry is of another organization")
        if content["sequence"] != self.sequence:
            self.refuse(f"the entry is missing; here stands entry {content['sequence']}")
        if self.hash and content["previous_hash"] != self.hash:
            self.refuse("the entry does not follow the one before it")
        if hashlib.sha256(canonical(content)).hexdigest() != entry["hash"]:
            self.refuse("the entry was changed")
        self.hash = entry["hash"]
        self.first_at, self.last_at = self.first_at or content["at"], content["at"]
        self._take_personal(entry["personal"], content["personal_digests"])

    def _take_personal(self, personal: dict[str, Any], digests: dict[str, Any]) -> None:
        for name, kept in personal.items():
            self._require(kept, {"salt": str, "value": str})
            salt = self._bytes(kept["salt"])
            digest = hashlib.sha256(salt + kept["value"].encode("utf-8")).hexdigest()
            if len(salt) != SALT_BYTES or digests.get(name) != digest:
                self.refuse(f"the personal value {name} was changed")
        self.kept += len(personal)
        self.erased += len(digests) - len(personal)

    def _take_checkpoint(self, entry: dict[str, Any]) -> None:
        self._require(entry, CHECKPOINT)
        content = entry["content"]
        self._require(content, STATEMENT)
        here = self.first - 1 if self.sequence is None else self.sequence
        if content["version"] != CHECKPOINT_VERSION or content["sequence"] != here:
            self.refuse("the checkpoint is not of this place")
        if content["organization_id"] != self.organization_id:
            self.refuse("the checkpoint is of another organization")
        if self.sequence is None and not self.hash:
            self.hash = content["hash"]  # the log was cut here; the signature vouches for it
        if content["hash"] != self.hash:
            self.refuse("the checkpoint names another hash")
        public_key, signature = self._bytes(entry["public_key"]), self._bytes(entry["signature"])
        if entry["public_key"] not in self.trusted:
            self.refuse(f"the checkpoint is signed by another key, {key_id(public_key)}")
        if not is_signed(canonical(content), signature, public_key):
            self.refuse("the checkpoint's signature is false")
        self.signed.append((here, entry["public_key"]))

    def _take_end(self, entry: dict[str, Any]) -> None:
        self._require(entry, END)
        reached = self.first - 1 if self.sequence is None else self.sequence
        if reached != self.last:
            self.sequence = reached + 1
            self.refuse("the entry is missing")
        self.sequence = None
        if entry["lines"] != self.line - 1 or entry["sha256"] != self._digest.hexdigest():
            self.refuse("the file is not as it was written: its digest is another")
        self.is_ended = True

    def _require(self, entry: Any, shape: dict[str, type]) -> None:
        if not isinstance(entry, dict) or set(entry) != set(shape):
            self.refuse("the line has not the parts that it must have")
        for name, wanted in shape.items():
            if type(entry[name]) is not wanted:
                self.refuse(f"{name} is not what it must be")

    def _bytes(self, text: str) -> bytes:
        if len(text) % 2 or set(text) - set("0123456789abcdef"):
            self.refuse("hexadecimal text was changed")
        return bytes.fromhex(text)


def canonical(value: Any) -> bytes:
    """Return the one way to write a value: sorted keys, no spaces, UTF-8, no floats."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def key_id(public_key: bytes) -> str:
    """Return the short name of a public key, as the audit page shows it."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def verify(lines: Iterable[bytes], public_keys: Sequence[str] = ()) -> Verifier:
    """Verify a file by its lines and return what was found in it. Raises `Fault`."""
    verifier = Verifier(public_keys)
    for raw in lines:
        verifier.take(raw)
    verifier.finish()
    return verifier


def report(found: Verifier) -> str:
    """Return what a verified file proves, and what it does not."""
    if found.last < found.first:
        return f"{found.slug}: there is no entry in this file."
    span = f"from {found.first_at} to {found.last_at}"
    lines = [
        f"{found.slug}: entries {found.first} to {found.last} hold, {span}.",
        f"The last hash is {found.hash}.",
    ]
    if found.first > 1 and not any(at < found.first for at, _ in found.signed):
        lines.append(f"What came before entry {found.first} is not in this file.")
    for key in dict.fromkeys(key for _, key in found.signed):
        count = sum(1 for _, each in found.signed if each == key)
        lines.append(f"Checkpoints signed by key {key_id(bytes.fromhex(key))}: {count}.")
    covered = max((at for at, _ in found.signed), default=found.first - 1)
    if covered < found.last:
        lines.append(f"No checkpoint in this file covers entries {covered + 1} to {found.last}.")
    lines.append(f"Personal values as they were written: {found.kept}; erased: {found.erased}.")
    return "\n".join(lines)


# Ed25519 (RFC 8032, section 5.1): verifying only.

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_Point = tuple[int, int, int, int]


def is_signed(message: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether the holder of the key signed exactly this message."""
    if len(signature) != 64 or len(public_key) != 32:  # noqa: PLR2004 - the standard's lengths
        return False
    signer, commitment = _decode(public_key), _decode(signature[:32])
    answer = int.from_bytes(signature[32:], "little")
    if signer is None or commitment is None or answer >= _ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % _ORDER
    left = _times(answer, _BASE)
    right = _plus(commitment, _times(challenge, signer))
    return all((left[i] * right[2] - right[i] * left[2]) % _P == 0 for i in (0, 1))


def _plus(p: _Point, q: _Point) -> _Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Point) -> _Point:
    result: _Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _plus(result, point)
        point = _plus(point, point)
        scalar >>= 1
    return result


def _decode(text: bytes) -> _Point | None:
    number = int.from_bytes(text, "little")
    sign_bit, y = number >> 255, number & ((1 << 255) - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - square) % _P or (x == 0 and sign_bit):
        return None
    x = x if x & 1 == sign_bit else _P - x
    return x, y, 1, x * y % _P


_BASE = _decode((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or (0, 1, 1, 0)


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _lines(file: BinaryIO) -> Iterable[bytes]:
    while raw := file.readline(LINE_BYTES):
        yield raw


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify the file that is named; print what holds, or what does not, and return 0 or 1."""
    parser = argparse.ArgumentParser(description="Verify an exported audit log (JSON lines).")
    parser.add_argument("file", metavar="FILE", help="the export, or - for standard input")
    parser.add_argument(
        "--public-key",
        metavar="HEX",
        action="append",
        default=[],
        help="the key that must have signed the checkpoints; may be given several times",
    )
    options = parser.parse_args(arguments)
    try:
        if options.file == "-":
            found = verify(_lines(sys.stdin.buffer), options.public_key)
        else:
            with Path(options.file).open("rb") as file:
                found = verify(_lines(file), options.public_key)
    except OSError as error:
        print(f"error: cannot read {options.file}: {error.strerror}", file=sys.stderr)
        return 2
    except Fault as fault:
        print(f"error: {options.file}: {fault}", file=sys.stderr)
        return 1
    print(report(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
