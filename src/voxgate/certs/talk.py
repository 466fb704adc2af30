"""The conversation with an ACME authority (RFC 8555), by the library `acme`. Blocks: for a thread."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import josepy
import requests
from acme import client, errors, messages
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from josepy import json_util
from josepy.jwk import JWK, JWKRSA

from voxgate.certs.explain import Failure, problem, unreachable
from voxgate.certs.shelf import KEY_MODE
from voxgate.errors import HostError
from voxgate.host import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.certificates import Acme

USER_AGENT: Final = "voxgate"
REQUEST_TIMEOUT_S: Final = 30
#: The library tries twice itself; an authority under load forgets nonces in series.
_NONCE_TRIES: Final = 8
#: What Debian's machines trust.
_TRUSTED: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_ACCOUNT_KEY_BITS: Final = 2048
#: What the library raises when an answer is not what it should be: it checks little of it.
_MALFORMED: Final = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)


class Replacement(messages.NewOrder):
    """A new order with the identifier of the certificate that it replaces (RFC 9773 section 5)."""

    replaces: str = json_util.field("replaces", omitempty=True)


class Network(client.ClientNetwork):
    """Signed requests; keeps what the authority last said of waiting. `replaces` goes into a new order."""

    retry_after_s = 0.0
    account_gone = False
    replaces = ""

    def post(self, url: str, obj: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Try again when the nonce was not known any more (RFC 8555 section 6.5)."""
        if self.replaces and isinstance(obj, messages.NewOrder):
            obj = Replacement(identifiers=obj.identifiers, profile=obj.profile, replaces=self.replaces)
        for left in reversed(range(_NONCE_TRIES)):
            try:
                return super().post(url, obj, *args, **kwargs)
            except messages.Error as error:
                self.account_gone = error.code == "accountDoesNotExist"
                if error.code != "badNonce" or not left:
                    raise
        raise AssertionError("unreachable")

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        response = super()._send_request(method, url, *args, **kwargs)
        self.retry_after_s = _seconds(response) if response.status_code in {429, 503} else 0.0
        return response


def _seconds(response: requests.Response) -> float:
    at = client.ClientV2.retry_after(response, 0)
    # The library gives local time without a zone for seconds, UTC without a zone for a date.
    now = datetime.now() if response.headers.get("Retry-After", "0").isdigit() else datetime.now(UTC)  # noqa: DTZ005
    return max(0.0, (at - now.replace(tzinfo=None)).total_seconds())


@dataclass(frozen=True, slots=True)
class Accounts:
    """Our accounts, one for each directory: `HASH/key.pem` and `HASH/account.json` in `folder`."""

    folder: Path

    def key(self, place: Path) -> JWKRSA:
        """The account's key, made where there is none."""
        path = place / "key.pem"
        try:
            found = load_pem_private_key(files.read(path), password=None)
            if isinstance(found, rsa.RSAPrivateKey):
                return JWKRSA(key=found)
        except (HostError, ValueError):
            pass  # none yet, or none of ours: a new one, and with it a new account
        made = rsa.generate_private_key(public_exponent=65537, key_size=_ACCOUNT_KEY_BITS)
        files.ensure_folder(place)
        files.write(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=KEY_MODE)
        files.remove(place / "account.json")
        return JWKRSA(key=made)

    def known(self, place: Path) -> messages.RegistrationResource | None:
        """The account as the authority named it."""
        try:
            found = messages.RegistrationResource.from_json(json.loads(files.read(place / "account.json")))
            return cast("messages.RegistrationResource", found)
        except (HostError, ValueError, josepy.errors.Error):
            return None

    def keep(self, place: Path, account: messages.RegistrationResource) -> None:
        """For the next order."""
        files.write(place / "account.json", json.dumps(account.to_json()).encode(), mode=KEY_MODE)

    def forget(self, place: Path) -> None:
        """The authority does not know it any more."""
        files.remove(place / "account.json")


def directory_of(acme: Acme, net: Network) -> client.ClientV2:
    """The authority's directory, read anew. Raises Failure."""
    with failures(acme.directory, net):
        return client.ClientV2(client.ClientV2.get_directory(acme.directory, net), net)


def network(acme: Acme, key: JWK | None = None) -> Network:
    """Requests to the authority, its own certificate checked."""
    net = Network(key, user_agent=USER_AGENT, timeout=REQUEST_TIMEOUT_S)
    trusted = acme.authority or (_TRUSTED if _TRUSTED.exists() else None)
    if trusted is not None:
        net.verify_ssl = cast("bool", str(trusted))  # requests takes the path of a file, the library hands it on
    # The operator's proxy is for the operator's programs.
    net.session.trust_env = False
    return net


def log_in(acme: Acme, talk: client.ClientV2, accounts: Accounts, place: Path) -> None:
    """Make `talk` speak for our account, made where there is none. Raises Failure."""
    net = cast("Network", talk.net)
    known = accounts.known(place)
    if known is not None:
        net.account = known
        return
    binding = None
    if acme.account is not None and net.key is not None:
        binding = messages.ExternalAccountBinding.from_data(
            net.key.public_key(), acme.account.key_id, acme.account.key.reveal(), talk.directory
        )
    wanted = messages.NewRegistration.from_data(
        email=acme.email, terms_of_service_agreed=True, external_account_binding=binding
    )
    with failures(acme.directory, net):
        try:
            account = talk.new_account(wanted)
        except errors.ConflictError as error:  # this key has an account: only our note of it was lost
            account = messages.RegistrationResource(body=messages.Registration(), uri=error.location)
            net.account = account
    accounts.keep(place, account)


@contextmanager
def failures(directory: str, net: Network) -> Iterator[None]:
    """Whatever goes wrong in the conversation, as one kind of error."""
    try:
        yield
    except errors.ValidationError as error:
        raise _not_proven(error) from error
    except errors.IssuanceError as error:
        raise problem(error.error.code or "", error.error.detail or "") from error
    except messages.Error as error:
        raise problem(error.code or "", _details(error), net.retry_after_s) from error
    except errors.TimeoutError as error:
        raise Failure("the authority did not decide in time", "it is tried again by itself") from error
    except (requests.exceptions.RequestException, errors.Error, josepy.errors.Error, *_MALFORMED) as error:
        raise unreachable(directory, _cause(error)) from error


def _not_proven(error: errors.ValidationError) -> Failure:
    for authorization in error.failed_authzrs:
        for challenge in authorization.body.challenges:
            if challenge.error is not None:
                name = authorization.body.identifier.value
                return problem(challenge.error.code or "", f"{name} was not proven: {challenge.error.detail or ''}")
    return Failure("a name was not proven", "the authority did not say why")


def _details(error: messages.Error) -> str:
    inner = [f"{one.identifier.value if one.identifier else ''} {one.detail}" for one in error.subproblems or ()]
    return "; ".join((error.detail or "", *inner))


def _cause(error: BaseException) -> str:
    """The innermost reason: libraries wrap the system's words several times."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted here (acme.authority names who signs an authority of your own)"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "no connection"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    return f"{type(error).__name__}: {error}"
