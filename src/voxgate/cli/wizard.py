"""The questions of `voxgate init`: each has a default, each answer is checked at once, what is found out is shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from voxgate.admin.starting import STUN, addresses, is_public, sip_domain, usable
from voxgate.config.scalars import ScalarError, parse_address, parse_hostname, parse_pbx_name
from voxgate.config.starter import Starter, StarterPbx
from voxgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.admin.starting import Probes
    from voxgate.host.facts import Facts, Interface


class Talk(Protocol):
    """Somebody who answers."""

    def ask(self, question: str) -> str:
        """One line, without its end."""
        ...

    def say(self, text: str) -> None:
        """Show it."""
        ...


class Terminal:
    """The person at the terminal."""

    def ask(self, question: str) -> str:
        """Raises UsageError when the terminal goes away."""
        try:
            return input(question)
        except EOFError:
            raise UsageError(
                "no answers any more, nothing is written\n    with flags it goes without questions"
            ) from None

    def say(self, text: str) -> None:
        """To standard output."""
        print(text)
        sys.stdout.flush()


def interview(talk: Talk, facts: Facts, probes: Probes, stun: str = STUN) -> Starter:
    """What the first file needs."""
    talk.say("A first configuration. Enter takes what stands in brackets.\n")
    domain = _asked(talk, "Public name of this edge, for instance proxy.example.com", "", parse_hostname)
    interface = _interface(talk, facts)
    public = _public(talk, interface, probes, stun)
    email = ""
    acme = _yes(talk, "Certificates from Let's Encrypt (needs port 80 from outside, and the name in the DNS)", True)
    if acme:
        email = talk.ask("  E-mail address for Let's Encrypt, or nothing []: ").strip()
    pbx = _pbx(talk, domain, probes)
    return Starter(domain, (pbx,), interface.name, public, acme=acme, acme_email=email)


def _asked(talk: Talk, question: str, default: str, parse: Callable[[object], object]) -> str:
    """Until it is good."""
    while True:
        given = talk.ask(f"{question}{f' [{default}]' if default else ''}: ").strip() or default
        try:
            return str(parse(given))
        except ScalarError as error:
            talk.say(f"  {error.message}: {error.advice}")


def _yes(talk: Talk, question: str, default: bool) -> bool:
    while True:
        given = talk.ask(f"{question} [{'Y/n' if default else 'y/N'}]: ").strip().lower()
        if given in {"", "y", "yes", "n", "no"}:
            return default if not given else given.startswith("y")
        talk.say("  y or n")


def _interface(talk: Talk, facts: Facts) -> Interface:
    """From a list with addresses; the default route's first."""
    found = usable(facts)
    talk.say("Interfaces of this machine:")
    for number, one in enumerate(found, 1):
        talk.say(f"  {number}  {one.name:10} {', '.join(addresses(one))}")

    def parse(value: object) -> int:
        if not str(value).isdecimal() or not 1 <= int(str(value)) <= len(found):
            raise ScalarError(f"`{value}` is none of them", f"give a number from 1 to {len(found)}")
        return int(str(value))

    return found[int(_asked(talk, "Which one leads to the internet", "1", parse)) - 1]


def _public(talk: Talk, interface: Interface, probes: Probes, stun: str) -> tuple[str, ...]:
    """The router's address, where the interface has none of its own that is public."""
    if is_public(interface):
        return ()
    talk.say(f"{interface.name} has no public IPv4 address: there is a router in front.")
    server = talk.ask(f"STUN server that tells its address, - for none [{stun}]: ").strip() or stun
    found = "" if server == "-" else probes.public(server)
    if found:
        talk.say(f"  the internet sees this machine as {found}")
    elif server != "-":
        talk.say(f"  {server} does not answer")
    if found in addresses(interface):
        return ()

    def parse(value: object) -> str:
        return "" if value in {"", "-"} else str(parse_address(value))

    given = _asked(talk, "Public address of the router, - for none", found or "-", parse)
    return (given,) if given else ()


def _pbx(talk: Talk, domain: str, probes: Probes) -> StarterPbx:
    """The first PBX, tried at once."""
    name = _asked(talk, "Short name of your first PBX", "hq", parse_pbx_name)
    while True:
        address = _asked(talk, "Its address", "", lambda value: parse_address(str(value)))
        phones = _asked(talk, "SIP domain that its phones use", sip_domain(domain), parse_hostname)
        said = probes.answers(address, phones)
        if said:
            talk.say(f"  {address} answers: {said}")
            return StarterPbx(name, address, phones)
        talk.say(f"  {address} does not answer SIP on UDP port 5060")
        if _yes(talk, "Write it all the same", False):
            return StarterPbx(name, address, phones)
