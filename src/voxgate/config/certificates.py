"""The section `certificates`: which certificates are shown for which names, and how an authority signs them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from voxgate.config.fields import Addresses, Port, Section, as_list
from voxgate.config.scalars import (
    AbsolutePath,
    Hostname,
    IpAddress,
    Kind,
    PbxName,
    ScalarError,
    parse_hostname,
)
from voxgate.config.secrets import Secret

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
MOST_OTHERS = 50
#: Names of all of `others` together: each takes 35 KB in every process of Kamailio, 1.4 MB with four workers.
MOST_OTHER_NAMES = 64
#: OpenSSL's clients take a certificate of 100 KB at most (SSL_CTX_set_max_cert_list(3)); a name has up to 253 bytes.
MOST_NAMES = 250
_URL = re.compile(r"https://[A-Za-z0-9._\-\[\]:]{1,253}(/[A-Za-z0-9._~/?=&%\-]{0,500})?\Z")
_EMAIL = re.compile(r"[A-Za-z0-9._+\-]{1,64}@[A-Za-z0-9.\-]{1,253}\Z")
_KEY_ID = re.compile(r"[\x21-\x7e]{1,200}\Z")


def parse_certificate_name(value: object) -> str:
    """A host name, or `*.` and a host name: any one label in the place of the star (RFC 6125 section 6.4.3)."""
    if isinstance(value, str) and value.startswith("*."):
        return "*." + parse_hostname(value.removeprefix("*."))
    return parse_hostname(value)


def _parse_url(value: object) -> str:
    if isinstance(value, str) and _URL.match(value):
        return value
    raise ScalarError(
        "this is not the address of an ACME directory", f"write an https URL, for instance {LETS_ENCRYPT}"
    )


def _parse_email(value: object) -> str:
    if isinstance(value, str) and _EMAIL.match(value):
        return value
    raise ScalarError("this is not an e-mail address", "write it like ops@example.com")


def _parse_key_id(value: object) -> str:
    if isinstance(value, str) and _KEY_ID.match(value):
        return value
    raise ScalarError("this is not a key's identifier", "copy it from the authority's web page")


CertificateNames = Annotated[
    tuple[Annotated[str, BeforeValidator(parse_certificate_name), Kind("host name, or `*.` and one")], ...],
    BeforeValidator(as_list, json_schema_input_type=str | tuple[str, ...]),
]
Url = Annotated[str, BeforeValidator(_parse_url), Kind("https URL")]
Email = Annotated[str, BeforeValidator(_parse_email), Kind("e-mail address")]
KeyId = Annotated[str, BeforeValidator(_parse_key_id), Kind("text")]


class KeyType(StrEnum):
    """The key of a certificate."""

    ECDSA = "ecdsa"
    RSA = "rsa"


class TsigAlgorithm(StrEnum):
    """What signs DNS updates (RFC 8945)."""

    SHA256 = "hmac-sha256"
    SHA384 = "hmac-sha384"
    SHA512 = "hmac-sha512"


class DnsUpdate(Section):
    """How the record that proves a name is put into the DNS: by a program of yours, or by dynamic update."""

    hook: AbsolutePath | None = Field(
        default=None,
        description="Program that is called as `HOOK add NAME VALUE` and later `HOOK remove NAME VALUE`: "
        "it puts a TXT record with that value at that name and takes it away again.",
    )
    server: IpAddress | None = Field(
        default=None, description="Name server that takes dynamic updates (RFC 2136) of the zone."
    )
    port: Port = Field(default=53, description="Its port.")
    key_name: Hostname | None = Field(default=None, description="Name of the TSIG key that signs the updates.")
    key: Secret | None = Field(default=None, description="The TSIG key itself, in base64, as `!secret NAME`.")
    algorithm: TsigAlgorithm = Field(default=TsigAlgorithm.SHA256, description="What the TSIG key is for.")
    wait_seconds: int = Field(
        default=120,
        strict=True,
        ge=0,
        le=3600,
        description="How long to wait at most until all name servers of the zone show the record.",
    )


class Account(Section):
    """Your account at the authority, where it wants one before the first certificate (external account binding)."""

    key_id: KeyId = Field(description="Identifier of the key that the authority gave you.")
    key: Secret = Field(description="The key itself, in base64url as the authority gave it, as `!secret NAME`.")


class Acme(Section):
    """An authority that signs by itself, as Let's Encrypt does (ACME, RFC 8555)."""

    email: Email | None = Field(default=None, description="Where the authority may write to.")
    directory: Url = Field(default=LETS_ENCRYPT, description="The authority's ACME directory.")
    authority: AbsolutePath | None = Field(
        default=None,
        description="PEM file with what signs the directory's own certificate, for an authority of your own. "
        "Default: what this machine trusts.",
    )
    account: Account | None = Field(default=None, description="Account at the authority, where it wants one.")
    dns: DnsUpdate | None = Field(
        default=None,
        description="Prove the names by records in the DNS (dns-01): needed for wildcards, and where port 80 cannot be "
        "reached. Default: by an answer on port 80 (http-01).",
    )
    resolvers: Addresses = Field(
        default=(),
        description="Name servers that see the DNS as the internet does, to look names up before an order. "
        "Default: those of this machine.",
    )
    key_type: KeyType = Field(
        default=KeyType.ECDSA, description="Key of the certificate: ecdsa, or rsa for phones that know nothing else."
    )


class Certificate(Section):
    """One certificate: files of yours, or signed by ACME, or by the edge's own authority when neither is given."""

    certificate: AbsolutePath | None = Field(
        default=None, description="PEM file with the server's certificate and its chain."
    )
    key: AbsolutePath | None = Field(default=None, description="PEM file with the private key, readable by root only.")
    acme: Acme | None = Field(default=None, description="Get it, and renew it, by ACME.")
    names: CertificateNames = Field(
        default=(),
        description="Names it is for; `*.example.com` is any one label. Default: the names in the file; without a file "
        "every name below that a TLS client can ask for.",
    )


class Certificates(Section):
    """What TLS clients are shown. Without it, the edge's own authority signs a certificate, and Voxgate says so."""

    default: Certificate | None = Field(
        default=None, description="Shown for every name that no other certificate is for."
    )
    others: dict[PbxName, Certificate] = Field(
        default={},
        max_length=MOST_OTHERS,
        description="More certificates, each under a short name: shown to clients that ask for one of its names (SNI).",
    )
    clients_ca: AbsolutePath | None = Field(
        default=None, description="PEM file with the authorities whose client certificates count."
    )
    pbxs_ca: AbsolutePath | None = Field(
        default=None,
        description="PEM file with the authorities that sign the certificates of PBXs, and of providers where these "
        "are called over TLS. Without it, their certificates are not checked.",
    )
