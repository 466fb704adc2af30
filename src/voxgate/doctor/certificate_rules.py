"""What is wrong with the certificates, and with what listeners show of them. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from voxgate.doctor.finding import Finding, Grade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.doctor.facts import Certificate, Facts

ERROR, WARNING, NOTE = Grade.ERROR, Grade.WARNING, Grade.NOTE
#: Renewal by hand takes a week in most companies; a short life is renewed by a machine, later.
_EXPIRES_SOON: Final = timedelta(days=14)
_LAST_PART: Final = 6


def certificate_findings(facts: Facts) -> Iterator[Finding]:
    """All of them."""
    for one in facts.handshakes:
        if one.wrong:
            what = f"{one.where}, asked for {one.name}: {one.wrong}"
            yield Finding(
                "certificate-shown",
                ERROR,
                what,
                "TLS clients refuse it, or see another one than you think",
                "voxgate certs verify; then voxgate apply",
            )
    for certificate in facts.certificates:
        yield from _dates(certificate, facts)
        yield from _content(certificate)


def _dates(one: Certificate, facts: Facts) -> Iterator[Finding]:
    left = one.expires - facts.edge.now
    if left <= timedelta(0):
        yield Finding(
            "certificate-expired",
            ERROR,
            f"the certificate {one.name} expired on {one.expires:%Y-%m-%d}",
            "TLS clients refuse it",
            "voxgate certs renew, or bring a new one: voxgate certs import",
        )
    elif left < min(_EXPIRES_SOON, (one.expires - one.begins) / _LAST_PART) and not one.self_signed:
        yield Finding(
            "certificate-expires",
            WARNING,
            f"the certificate {one.name} expires on {one.expires:%Y-%m-%d}",
            "TLS clients will refuse it then",
            "voxgate certs renew, or voxgate certs import",
        )
    if one.alarm:
        yield Finding(
            "certificate-renewal",
            WARNING,
            f"the certificate {one.name} is not renewed: {one.alarm}",
            "it will run out",
            "do what the message says, then voxgate certs renew",
        )


def _content(one: Certificate) -> Iterator[Finding]:
    if not one.complete:
        yield Finding(
            "certificate-chain",
            ERROR,
            f"the certificate {one.name} is shown without the one between it and its authority",
            "browsers may know that one by chance; phones refuse it",
            "append the authority's intermediate certificate to the file: the server's own first",
        )
    if one.lacking:
        names = ", ".join(one.lacking[:3]) + (f" and {len(one.lacking) - 3} more" if len(one.lacking) > 3 else "")
        yield Finding(
            "certificate-names",
            WARNING,
            f"the certificate {one.name} is not for {names}",
            "TLS clients that ask for this name and compare it refuse",
            "order one with all names, or give these one of their own: certificates.others",
        )
    if one.self_signed:
        yield Finding(
            "certificate-own",
            NOTE,
            f"the certificate {one.name} is signed by the edge itself",
            "phones and browsers must be told to trust it",
            "set certificates.default.acme: {email: you@example.com}",
        )
