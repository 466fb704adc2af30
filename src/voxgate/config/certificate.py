"""The section `certificates` beside what it names: files that are there, pairs, chains, dates, names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.asked_names import asked_names
from voxgate.config.certificates import MOST_NAMES, MOST_OTHER_NAMES
from voxgate.config.chain import Bad, Chain, certificates_of, chain_of, covers, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from voxgate.config.certificates import Certificate, Certificates, DnsUpdate
    from voxgate.config.parts import Parts
    from voxgate.config.places import Path as KeyPath
    from voxgate.config.places import Places
    from voxgate.errors import Problem

_MAX_BYTES = 1024 * 1024
#: Let's Encrypt signs so many names at once.
MOST_ACME_NAMES = 100
_NAMES_TOLD = 3


def check_certificates(parts: Parts, places: Places, now: datetime) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """(problems, warnings) of `certificates`.

    A date that does not fit is a warning: an edge whose certificate ran out must still be able to change
    everything else, and phones that do not look at dates go on working. So is a name that is missing.
    """
    if parts.certificates is None:
        return (), ()
    asked = asked_names(parts.edge.domain, parts.pbxs.values()) if parts.edge else ()
    problems: list[Problem] = [*_twice(parts.certificates, places), *_too_many(parts.certificates, places)]
    warnings: list[Problem] = []
    for path, one in each(parts.certificates):
        wanted = one.names or (asked if path == DEFAULT else ())
        problems += _contradictions(one, wanted, path, places)
        if one.certificate is None or one.key is None:
            continue
        chain = _chain(one.certificate, one.key, path, places)
        if isinstance(chain, Chain):
            warnings += [places.problem((*path, "certificate"), b.message, b.advice) for b in _doubts(chain, now)]
            warnings += _missing(chain, wanted, path, places)
        else:
            problems += chain
    return tuple(problems), tuple(warnings)


DEFAULT: KeyPath = ("certificates", "default")


def each(certificates: Certificates) -> Iterator[tuple[KeyPath, Certificate]]:
    """Every certificate of the section with its path, the default first."""
    if certificates.default is not None:
        yield DEFAULT, certificates.default
    for name, one in certificates.others.items():
        yield ("certificates", "others", name), one


def check_trunk_tls(parts: Parts, places: Places, now: datetime) -> tuple[list[Problem], list[Problem]]:
    """(problems, warnings) of what providers are shown, and of whom they must be signed by."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for name, trunk in parts.trunks.items():
        path: KeyPath = ("trunks", name, "tls")
        if trunk.tls and trunk.tls.certificate and trunk.tls.key:
            chain = _chain(trunk.tls.certificate, trunk.tls.key, path, places)
            if isinstance(chain, Chain):
                warnings += [places.problem((*path, "certificate"), b.message, b.advice) for b in _doubts(chain, now)]
            else:
                problems += chain
        if trunk.tls and trunk.tls.ca:
            found = content(trunk.tls.ca)
            several = certificates_of(found, str(trunk.tls.ca)) if isinstance(found, bytes) else found
            if isinstance(several, Bad):
                problems.append(places.problem((*path, "ca"), several.message, several.advice))
    return problems, warnings


def content(path: Path) -> bytes | Bad:
    """A file of moderate size, or what is wrong with it."""
    try:
        if path.exists() and not path.is_file():  # a pipe would keep us waiting
            return Bad(f"{path} is not a file", "give the path of a PEM file")
        with path.open("rb") as file:
            found = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return Bad(f"{path} does not exist", "check the path")
    except OSError as error:
        return Bad(f"{path} cannot be read: {error.strerror}", "check that it is a file and who may read it")
    return found if len(found) <= _MAX_BYTES else Bad(f"{path} is too large", "1 MiB is the most")


def _contradictions(one: Certificate, wanted: tuple[str, ...], path: KeyPath, places: Places) -> Iterator[Problem]:
    if (one.certificate is None) != (one.key is None):
        here, other = ("key", "certificate") if one.key else ("certificate", "key")
        yield places.problem((*path, here), f"stands without {other}", f"add {other}: the two belong together")
    if one.acme and (one.certificate or one.key):
        yield places.problem((*path, "acme"), "stands beside files", "keep the files, or keep acme")
    if path != DEFAULT and not one.names and one.certificate is None:
        yield places.problem(path, "is for no name", "add names, those that clients ask for")
    most = MOST_ACME_NAMES if one.acme else MOST_NAMES
    if one.certificate is None and len(wanted) > most and (one.names or one.acme):
        advice = "list the names of this one under `names`, and the others in certificates.others"
        yield places.problem((*path, "names"), f"{len(wanted)} names are too many, {most} are the most", advice)
    if one.acme:
        wild = next((name for name in wanted if name.startswith("*.")), None)
        if wild and one.acme.dns is None:
            yield places.problem(
                (*path, "names"),
                f"{wild} is a wildcard, and no authority signs one without a record in the DNS",
                "set acme.dns, or write the names out",
            )
        if one.acme.dns is not None:
            yield from _dns(one.acme.dns, (*path, "acme", "dns"), places)


def _dns(dns: DnsUpdate, path: KeyPath, places: Places) -> Iterator[Problem]:
    if (dns.hook is None) == (dns.server is None):
        yield places.problem(path, "needs a program or a name server", "set hook, or set server, key_name and key")
    elif dns.server is not None and (dns.key_name is None or dns.key is None):
        advice = "set key_name and key: without TSIG anyone could change the zone"
        yield places.problem(path, "the updates are not signed", advice)


def _chain(certificate: Path, key: Path, path: KeyPath, places: Places) -> Chain | list[Problem]:
    found, private = content(certificate), content(key)
    several = certificates_of(found, str(certificate)) if isinstance(found, bytes) else found
    loaded = key_of(private, str(key)) if isinstance(private, bytes) else private
    problems = [
        places.problem((*path, name), bad.message, bad.advice)
        for name, bad in (("certificate", several), ("key", loaded))
        if isinstance(bad, Bad)
    ]
    if isinstance(several, Bad) or isinstance(loaded, Bad):
        return problems
    chain = chain_of(several, loaded)
    if isinstance(chain, Bad):
        return [places.problem((*path, "key"), chain.message, chain.advice)]
    return chain


def _doubts(chain: Chain, now: datetime) -> Iterator[Bad]:
    if chain.expires < now:
        yield Bad(
            f"the certificate ran out on {chain.expires:%Y-%m-%d}", "renew it: most TLS clients refuse to connect"
        )
    if chain.begins > now:
        yield Bad(f"the certificate is valid from {chain.begins:%Y-%m-%d} only", "check the clock of this machine")
    if chain.sorted:
        yield Bad("the chain is not in order", "it is shown in order; put the server's first, each signed by the next")
    if chain.alone:
        advice = "append the authority's intermediate certificate, or many phones will not trust it"
        yield Bad("the chain is not complete", advice)


def _missing(chain: Chain, wanted: tuple[str, ...], path: KeyPath, places: Places) -> Iterator[Problem]:
    lacking = [name for name in wanted if name not in chain.names and not covers(chain.names, name)]
    if lacking:
        more = f" and {len(lacking) - _NAMES_TOLD} more" if len(lacking) > _NAMES_TOLD else ""
        message = f"the certificate is not for {', '.join(lacking[:_NAMES_TOLD])}{more}"
        advice = "clients that ask for this name and check certificates will not connect"
        yield places.problem((*path, "certificate"), message, advice)


def _too_many(certificates: Certificates, places: Places) -> Iterator[Problem]:
    """A certificate without names of its own is for those in its file: so many are counted as one."""
    count = sum(max(len(one.names), 1) for one in certificates.others.values())
    if count > MOST_OTHER_NAMES:
        message = f"{count} names have certificates of their own, {MOST_OTHER_NAMES} are the most"
        advice = "use wildcards, or let certificates.default be for some of them"
        yield places.problem(("certificates", "others"), message, advice)


def _twice(certificates: Certificates, places: Places) -> Iterator[Problem]:
    """A name leads to one certificate."""
    owners: dict[str, str] = {}
    for name, one in certificates.others.items():
        for index, asked in enumerate(one.names):
            owner = owners.setdefault(asked, name)
            if owner != name:
                path: KeyPath = ("certificates", "others", name, "names", index)
                yield places.problem(places.written(path), f"{asked} is already in {owner}", "remove one of the two")
