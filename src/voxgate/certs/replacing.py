"""An order that names the certificate it replaces (ARI, RFC 9773 section 5). Blocks: for a thread.

Authorities free such an order from their limits, and know that the former certificate needs no renewal any more. The
library asks when to renew, but has no such field.
"""

from __future__ import annotations

import logging
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Final, cast

from acme import errors, messages
from cryptography import x509

if TYPE_CHECKING:
    from acme import client

    from voxgate.certs.talk import Network

log = logging.getLogger(__name__)

#: These would be the same without the name of what is replaced.
_FINAL: Final = frozenset({"rateLimited", "accountDoesNotExist"})


def new_order(talk: client.ClientV2, request: bytes, former: bytes) -> messages.OrderResource:
    """Order what `request` asks for, in place of `former` (a chain in PEM, or empty).

    Where the authority does not take the order as a replacement (somebody else's, replaced already, forgotten), it is
    an order like any other. Raises what the library raises.
    """
    net = cast("Network", talk.net)
    net.replaces = _number(former) if former and _suggests(talk.directory) else ""
    try:
        return talk.new_order(request)
    except (messages.Error, errors.ConflictError) as error:
        if not net.replaces or (isinstance(error, messages.Error) and error.code in _FINAL):
            raise
        log.info("order_replaces_nothing reason=%s", getattr(error, "code", None) or "conflict")
        net.replaces = ""
        return talk.new_order(request)
    finally:
        net.replaces = ""


def _number(chain: bytes) -> str:
    """The first certificate's identifier (RFC 9773 section 4.1); empty where it does not name its authority's key."""
    leaf = x509.load_pem_x509_certificate(chain)
    try:
        authority = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        authority = None
    serial = leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1, "big")
    return ".".join(urlsafe_b64encode(one).decode().rstrip("=") for one in (authority, serial)) if authority else ""


def _suggests(directory: messages.Directory) -> bool:
    """Whether the authority speaks ARI at all."""
    try:
        return bool(directory["renewalInfo"])
    except KeyError:
        return False
