"""All claims of the demo."""

from __future__ import annotations

from lab.demo import administering, browsing, explaining, phonebook, relayed, webpages
from lab.demo.attacking import shut_out
from lab.demo.claim import Claim
from lab.demo.failing import failover
from lab.demo.gatekeeping import by_id
from lab.demo.refusing import no_open_relay, unknown_domain
from lab.demo.secret import secret
from lab.demo.signing import renewed_in_a_call
from lab.demo.talking import (
    Handset,
    by_domain,
    calls,
    is_called,
    lan_without_hairpin,
    outside_to_lan,
)
from lab.demo.trunking import both_ways
from lab.phones.baresip import Baresip
from lab.phones.linphone import Linphone

RECORDED = "both ends recorded the other's tone"
PHONES = (
    ("home NAT (port-restricted)", Handset(Baresip, "phone-home", "udp")),
    ("home NAT (port-restricted)", Handset(Linphone, "phone-home", "tls")),
    ("hotel NAT (symmetric)", Handset(Linphone, "phone-hotel", "udp")),
    ("hotel NAT (symmetric)", Handset(Baresip, "phone-hotel", "tls")),
)


def _from_behind(host: str) -> tuple[Claim, ...]:
    """What phones behind one NAT do."""
    made = []
    for nat, phone in PHONES:
        if phone.host == host:
            how = f"{phone.kind.__name__.lower()}, {phone.transport.upper()}"
            made.append(Claim(f"{nat}, {how}: registers and calls", RECORDED, calls(phone)))
            back = "the PBX dialled along the registered Path; " + RECORDED
            made.append(Claim(f"{nat}, {how}: is called", back, is_called(phone)))
    return tuple(made)


SIX = (Handset(Linphone, "phone-six", "udp"), Handset(Baresip, "phone-six", "tcp"))
LANES: tuple[tuple[Claim, ...], ...] = (
    (
        *_from_behind("phone-home"),
        Claim(administering.TITLE, administering.PROOF, administering.seen),
    ),
    (
        *_from_behind("phone-hotel"),
        Claim(
            "two PBXs are told apart by the SIP domain",
            "the same number dialled in both domains, each PBX plays its own tone",
            by_domain,
        ),
    ),
    (
        Claim(
            "a phone on the LAN needs no hairpin NAT",
            f"{RECORDED}; the router counts packets to its own public address",
            lan_without_hairpin,
        ),
        Claim("a phone outside calls a phone on the LAN", "both phones recorded the other's tone", outside_to_lan),
        Claim(
            "an ACME authority (Pebble) signs a certificate, which is renewed during a call over TLS",
            f"Pebble asks the name on port 80; the phone trusts nobody else; {RECORDED}",
            renewed_in_a_call,
        ),
    ),
    (
        Claim("IPv6 phone (linphone, UDP) and IPv4 PBX: calls", RECORDED, calls(SIX[0])),
        Claim("IPv6 phone (baresip, TCP) and IPv4 PBX: is called", RECORDED, is_called(SIX[1])),
        Claim(
            "IPv6 phone (baresip, TLS) with SRTP and PBX with plain RTP: nobody outside can listen",
            f"{RECORDED}; the wires of both were tapped and played",
            secret,
        ),
        Claim(
            "a SIP provider calls a number of the office, and a phone calls out through it",
            "number rewritten from +49; in both calls both ends recorded the other's tone",
            both_ways,
        ),
    ),
    (
        Claim("hotel NAT (symmetric), Chromium, WSS on 443 and WebRTC: calls", RECORDED, browsing.calls("phone-hotel")),
        Claim("IPv6, Chromium, WSS on 443 and WebRTC: is called", RECORDED, browsing.is_called("phone-six")),
        Claim(
            "a browser that may use TURN over TLS and nothing else: calls",
            f"iceTransportPolicy relay, credentials that expire; {RECORDED}",
            relayed.calls("phone-hotel", "tls"),
        ),
    ),
    (
        Claim(phonebook.TITLE, phonebook.PROOF, phonebook.found_in_each),
        Claim(webpages.TITLE, webpages.PROOF, webpages.shown),
        Claim(explaining.TITLE, explaining.PROOF, explaining.silent_phone),
        Claim(
            "an unknown domain gets no answer at all",
            "a stranger's OPTIONS, REGISTER, INVITE; listened for answers",
            unknown_domain,
        ),
        Claim(
            "nobody can use the edge as an open relay",
            "foreign targets, forged Route and To-tag; listened at the target",
            no_open_relay,
        ),
        Claim(
            "two H.323 PBXs are told apart by the gatekeeper ID (H.460.17, over TCP and TLS)",
            "a phone registers at each with its password; each PBX notes who asked it for what",
            by_id,
        ),
        Claim(
            "an attacker is shut out of every port, and `voxgate why` tells what it did",
            "a few guesses over each of four protocols; then every port tried from its address, and from another",
            shut_out,
        ),
    ),
)
"""Lanes run at once, the claims of a lane one after the other."""
LAST: tuple[Claim, ...] = (
    Claim(
        "a node fails during a series of calls: none is lost once noticed, and it comes back",
        "one of two nodes stops answering; the tone of every call tells which node took it",
        failover,
    ),
)
"""Run alone: they harm what the others use."""
