"""Orders that name what they replace; with a real authority in tests/engine."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from acme import client, crypto_util, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.unit.certs.test_talk import PROBLEM, answer, network
from voxgate.certs.order import new_key
from voxgate.certs.replacing import new_order
from voxgate.config.certificates import KeyType

if TYPE_CHECKING:
    import requests

DIRECTORY = {"newOrder": "https://ca.example/order", "newNonce": "https://ca.example/nonce"}
WITH_ARI = {**DIRECTORY, "renewalInfo": "https://ca.example/renewal"}
REQUEST = crypto_util.make_csr(new_key(KeyType.ECDSA), ["a.example"])
ORDER = answer(201, {"status": "pending", "authorizations": [], "finalize": "https://ca.example/f"}, Location="o/1")


def former(
    serial: int = 0x87654321, *, key_id: bytes | None = bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4")
) -> bytes:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.example")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(serial).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    if key_id:
        made = made.add_extension(x509.AuthorityKeyIdentifier(key_id, None, None), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def problem(status: int, code: str) -> requests.Response:
    return answer(status, {"type": f"{PROBLEM}{code}", "detail": "no"})


def ordered(directory: dict[str, str], chain: bytes, *answers: requests.Response) -> list[str | None]:
    """What each new order says that it replaces."""
    net, session = network(*answers)
    talk = client.ClientV2(messages.Directory(directory), net)
    try:
        new_order(talk, REQUEST, chain)
    finally:
        assert net.replaces == ""
    payloads = [json.loads(text)["payload"] for text in session.sent]
    return [json.loads(base64.urlsafe_b64decode(payload + "==")).get("replaces") for payload in payloads]


def test_an_order_names_what_it_replaces_where_the_authority_speaks_ari() -> None:
    # RFC 9773 section 4.1's own example.
    assert ordered(WITH_ARI, former(), ORDER) == ["aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"]
    assert ordered(DIRECTORY, former(), ORDER) == [None]
    assert ordered(WITH_ARI, b"", ORDER) == [None]
    assert ordered(WITH_ARI, former(key_id=None), ORDER) == [None]


@pytest.mark.parametrize(
    "refusal",
    [
        problem(409, "alreadyReplaced"),
        problem(400, "malformed"),
        problem(403, "unauthorized"),
        problem(500, "serverInternal"),
    ],
    ids=["replaced already", "not known", "of another account", "forgotten"],
)
def test_what_is_not_taken_as_a_replacement_is_an_order_like_any_other(refusal: requests.Response) -> None:
    named, plain = ordered(WITH_ARI, former(), refusal, ORDER)
    assert (named is not None, plain) == (True, None)


@pytest.mark.parametrize("code", ["rateLimited", "accountDoesNotExist"])
def test_an_authority_that_says_no_to_every_order_is_not_asked_twice(code: str) -> None:
    with pytest.raises(messages.Error):
        ordered(WITH_ARI, former(), problem(429, code), ORDER)


def test_a_second_refusal_is_the_answer() -> None:
    with pytest.raises(errors.ConflictError):
        ordered(WITH_ARI, former(), problem(409, "alreadyReplaced"))
