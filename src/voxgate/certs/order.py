"""One order at an ACME authority, from the look at the DNS to the chain. Blocks: for a thread."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from acme import challenges, crypto_util, messages
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from voxgate.certs.explain import Failure
from voxgate.certs.precheck import Dns, forbidden, judge
from voxgate.certs.records import Records
from voxgate.certs.replacing import new_order
from voxgate.certs.talk import Accounts, Network, directory_of, failures, log_in, network
from voxgate.config.certificates import Acme, KeyType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from ipaddress import IPv4Address, IPv6Address
    from pathlib import Path

    from acme import client

    from voxgate.certs.answers import Answers

#: Authorities validate within seconds; a person at `voxgate certs renew` waits.
_DECIDE: Final = timedelta(seconds=120)
_RSA_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to order. `ours` are the addresses under which the internet reaches this edge."""

    acme: Acme
    names: tuple[str, ...]
    ours: tuple[IPv4Address | IPv6Address, ...]

    @property
    def digest(self) -> str:
        """Names and authority in one word."""
        return sha256(" ".join((self.acme.directory, *sorted(self.names))).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Signed:
    """What came of it. `left_out`: why some names are not in it, in words."""

    certificate: bytes
    key: bytes
    names: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clerk:
    """Orders at authorities. `folder` keeps accounts, `answers` is what our listener says.

    Raises Failure, HostError.
    """

    folder: Path
    answers: Answers

    def order(
        self,
        wanted: Wanted,
        kept: frozenset[str],
        *,
        renewing: bool,
        progress: Callable[[str], None],
        former: bytes = b"",
    ) -> Signed:
        """A new certificate for all of the names that can be proven now; never for fewer than those of `kept`.

        Where it is not `renewing`, it must bring more names than these. `former` is the authority's own one that it
        takes the place of, a chain in PEM.
        """
        talk, dns = self._talk(wanted.acme), Dns(map(str, wanted.acme.resolvers))
        progress("looking the names up in the DNS")
        left_out = unprovable(wanted, dns, talk)
        names = tuple(name for name in wanted.names if name not in left_out)
        if not names or kept - set(names) or (left_out and not renewing and kept >= set(names)):
            raise Failure("; ".join(left_out.values()), "nothing was ordered; correct the DNS")
        log_in(wanted.acme, talk, Accounts(self.folder), self._place(wanted.acme))
        progress(f"ordering a certificate for {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}")
        key = new_key(wanted.acme.key_type)
        try:
            return self._carry_out(wanted, talk, dns, (names, key, former, tuple(left_out.values())), progress)
        except Failure:
            if _account_is_gone(talk):
                Accounts(self.folder).forget(self._place(wanted.acme))
            raise

    def suggestion(self, acme: Acme, certificate: bytes) -> tuple[datetime | None, datetime]:
        """When the authority would have it renewed, and when to ask again (RFC 9773); local time without a zone."""
        talk = self._talk(acme)
        with failures(acme.directory, _net(talk)):
            at, again = talk.renewal_time(certificate)
            return at, again

    def _talk(self, acme: Acme) -> client.ClientV2:
        return directory_of(acme, network(acme, Accounts(self.folder).key(self._place(acme))))

    def _place(self, acme: Acme) -> Path:
        return self.folder / sha256(acme.directory.encode()).hexdigest()[:16]

    def _carry_out(
        self,
        wanted: Wanted,
        talk: client.ClientV2,
        dns: Dns,
        what: tuple[tuple[str, ...], bytes, bytes, tuple[str, ...]],
        progress: Callable[[str], None],
    ) -> Signed:
        names, key, former, left_out = what
        deadline = datetime.now() + _DECIDE + timedelta(seconds=_waits(wanted.acme))  # noqa: DTZ005  as the library
        with failures(wanted.acme.directory, _net(talk)):
            order = new_order(talk, crypto_util.make_csr(key, list(names)), former)
            with self._proofs(wanted.acme, talk, dns, order, progress):
                order = talk.poll_authorizations(order, deadline)
            progress("the names are proven")
            order = talk.finalize_order(order, deadline)
        if order.fullchain_pem is None:
            raise Failure("the authority sent no certificate", "it is tried again by itself")
        return Signed(order.fullchain_pem.encode(), key, names, left_out)

    @contextmanager
    def _proofs(
        self,
        acme: Acme,
        talk: client.ClientV2,
        dns: Dns,
        order: messages.OrderResource,
        progress: Callable[[str], None],
    ) -> Iterator[None]:
        """Show the proof of each name that is not proven yet, tell the authority, and take the proofs away."""
        kind = challenges.DNS01 if acme.dns else challenges.HTTP01
        open_ones = [
            _challenge(one, kind) for one in order.authorizations if one.body.status == messages.STATUS_PENDING
        ]
        undo: list[Callable[[], None]] = []
        try:
            if acme.dns:
                self._show_records(Records(acme.dns, dns), open_ones, undo, talk, progress)
            else:
                for _, body in open_ones:
                    self.answers.show(_token(body), body.chall.validation(talk.net.key))
                    undo.append(partial(self.answers.forget, _token(body)))
            for _, body in open_ones:
                talk.answer_challenge(body, body.chall.response(talk.net.key))
            yield
        finally:
            for take_away in reversed(undo):
                take_away()

    def _show_records(
        self,
        records: Records,
        open_ones: list[tuple[str, Any]],
        undo: list[Callable[[], None]],
        talk: client.ClientV2,
        progress: Callable[[str], None],
    ) -> None:
        shown = []
        for name, body in open_ones:
            value = body.chall.validation(talk.net.key)
            at = records.add(f"_acme-challenge.{name}", value)
            undo.append(partial(records.remove, at, value))
            shown.append((at, value))
        progress("waiting until the name servers show the records")
        for at, value in shown:
            records.wait(at, value)


def unprovable(wanted: Wanted, dns: Dns, talk: client.ClientV2) -> dict[str, str]:
    """The names for which an order would fail, each with the reason."""
    identities = _identities(talk)
    found = {}
    for name in wanted.names:
        why = "" if wanted.acme.dns else judge(name, dns.addresses(name), wanted.ours)
        if not why and identities:
            why = forbidden(name, dns.caa(name), identities)
        if why:
            found[name] = why
    return found


def new_key(kind: KeyType) -> bytes:
    """A key of that kind, PEM."""
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = (
        rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
        if kind is KeyType.RSA
        else ec.generate_private_key(ec.SECP256R1())
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _challenge(authorization: messages.AuthorizationResource, kind: type) -> tuple[str, Any]:
    name = authorization.body.identifier.value
    for body in authorization.body.challenges:
        if isinstance(body.chall, kind):
            return name, body
    raise Failure(f"the authority does not offer this way to prove {name}", "use acme.dns, or leave it out")


def _token(body: Any) -> str:
    return str(body.chall.encode("token"))


def _identities(talk: client.ClientV2) -> tuple[str, ...]:
    meta = getattr(talk.directory, "meta", None)
    return tuple(getattr(meta, "caa_identities", None) or ())


def _account_is_gone(talk: client.ClientV2) -> bool:
    return _net(talk).account_gone


def _waits(acme: Acme) -> int:
    return acme.dns.wait_seconds if acme.dns else 0


def _net(talk: client.ClientV2) -> Network:
    assert isinstance(talk.net, Network)  # noqa: S101  made by us
    return talk.net
