"""Ed25519 against the vectors of RFC 8032, section 7.1, and against changed bits."""

import hashlib
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients import verify_audit
from orgs.domain.ed25519 import is_signed, public_key_of, sign

VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
            "f9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
            "f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
            "4dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]
SEED, PUBLIC, MESSAGE, SIGNATURE = map(bytes.fromhex, VECTORS[2])
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize("vector", VECTORS)
def test_it_is_the_standards_own(vector):
    seed, public, message, signature = map(bytes.fromhex, vector)
    assert public_key_of(seed) == public
    assert sign(message, seed=seed) == signature
    assert is_signed(message, signature=signature, public_key=public)
    assert verify_audit.is_signed(message, signature, public)


@given(bit=st.integers(0, 64 * 8 - 1))
def test_one_changed_bit_of_a_signature_is_seen(bit):
    changed = bytearray(SIGNATURE)
    changed[bit // 8] ^= 1 << bit % 8
    assert not is_signed(MESSAGE, signature=bytes(changed), public_key=PUBLIC)
    assert not verify_audit.is_signed(MESSAGE, bytes(changed), PUBLIC)


@given(bit=st.integers(0, 32 * 8 - 1))
def test_one_changed_bit_of_a_key_is_seen(bit):
    changed = bytearray(PUBLIC)
    changed[bit // 8] ^= 1 << bit % 8
    assert not is_signed(MESSAGE, signature=SIGNATURE, public_key=bytes(changed))
    assert not verify_audit.is_signed(MESSAGE, SIGNATURE, bytes(changed))


@given(st.binary(max_size=40).filter(lambda text: text != MESSAGE))
def test_another_message_is_not_signed(message):
    assert not is_signed(message, signature=SIGNATURE, public_key=PUBLIC)


def test_a_second_form_of_a_signature_is_refused():
    """Adding the group's order to the answer would verify without the check of its size."""
    answer = int.from_bytes(SIGNATURE[32:], "little") + ORDER
    again = SIGNATURE[:32] + answer.to_bytes(32, "little")
    assert not is_signed(MESSAGE, signature=again, public_key=PUBLIC)
    assert not verify_audit.is_signed(MESSAGE, again, PUBLIC)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_lengths_are_exact(length):
    assert not is_signed(MESSAGE, signature=SIGNATURE, public_key=PUBLIC[:1] * length)
    assert not is_signed(MESSAGE, signature=SIGNATURE[:1] * length, public_key=PUBLIC)
    with pytest.raises(ValueError, match="32 bytes"):
        sign(MESSAGE, seed=b"\1" * length)


def test_a_key_that_is_no_point_opens_nothing():
    for number in range(2**255 - 19, 2**255):
        key = number.to_bytes(32, "little")
        assert not is_signed(MESSAGE, signature=SIGNATURE, public_key=key)
        assert not verify_audit.is_signed(MESSAGE, SIGNATURE, key)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("number", range(5))
def test_openssl_agrees(number, tmp_path):
    seed = hashlib.sha256(str(number).encode()).digest()
    message = hashlib.sha256(seed).digest() * (number + 1)
    (tmp_path / "key").write_bytes(bytes.fromhex("302e020100300506032b657004220420") + seed)
    (tmp_path / "message").write_bytes(message)
    signing = "pkeyutl -sign -rawin -keyform DER -inkey key -in message -out signature"
    public = "pkey -inform DER -in key -pubout -outform DER -out public"
    for arguments in (signing, public):
        subprocess.run(["openssl", *arguments.split()], cwd=tmp_path, check=True)
    assert sign(message, seed=seed) == (tmp_path / "signature").read_bytes()
    assert public_key_of(seed) == (tmp_path / "public").read_bytes()[-32:]
