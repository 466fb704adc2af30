"""Revokes a certificate: python3 revoke.py DIRECTORY CA ACCOUNT-FOLDER CERTIFICATE."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

from acme import client, messages
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from josepy.jwk import JWKRSA


def revoke(directory: str, trusted: str, account: Path, certificate: Path) -> None:
    key: Any = load_pem_private_key((account / "key.pem").read_bytes(), None)
    known = messages.RegistrationResource.from_json(json.loads((account / "account.json").read_text()))
    net = client.ClientNetwork(JWKRSA(key=key), account=known)
    net.verify_ssl = cast("bool", trusted)
    talk = client.ClientV2(client.ClientV2.get_directory(directory, net), net)
    for _ in range(10):
        try:
            talk.revoke(x509.load_pem_x509_certificate(certificate.read_bytes()), 0)
        except messages.Error as error:
            if error.code != "badNonce":
                raise
        else:
            return


if __name__ == "__main__":
    revoke(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
