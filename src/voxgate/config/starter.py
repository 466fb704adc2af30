"""The commented file that `voxgate init` writes. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StarterPbx:
    """One PBX of the first file."""

    name: str
    address: str
    domain: str


@dataclass(frozen=True, slots=True)
class Starter:
    """What the operator said; texts as given: the file made from them is checked like any other."""

    domain: str
    pbxs: tuple[StarterPbx, ...]
    interface: str | None = None
    public_addresses: tuple[str, ...] = ()
    acme: bool = False
    acme_email: str = ""
    admin_listen: str = ""


def starter_text(starter: Starter) -> str:
    """The file's text, with every choice explained where it stands."""
    lines = [
        "# Voxgate: one front door for phone systems.",
        "# `voxgate check` reads this file, `voxgate plan` shows what a change does, `voxgate apply` does it.",
        "# Every key with its meaning and default: docs/reference/configuration.md, or `voxgate reference`.",
        "",
        "edge:",
        f"  domain: {_quoted(starter.domain)}  # public name of the edge",
        *_interface(starter.interface),
        *_public(starter.public_addresses),
        "  # Networks whose phones see the private address; `auto` finds those of this machine, not VPNs:",
        "  # local_networks: [192.168.1.0/24, 10.8.0.0/24]",
        "",
        *_certificates(starter),
        "",
        "listen:",
        "  sip: {udp: 5060, tcp: 5060, tls: 5061}  # leave one out, and nothing is accepted there",
        "",
        *_admin(starter.admin_listen),
        "media:",
        "  ports: 10000-20000  # UDP; open them in the firewall towards this machine",
        "",
        "pbxs:",
    ]
    for pbx in starter.pbxs:
        lines += [
            f"  {pbx.name}:",
            f"    names: [{_quoted(pbx.domain)}]  # SIP domains that phones register with",
            f"    nodes: [{_quoted(pbx.address)}]  # where the PBX is; several share the load",
            "    sip: {udp: 5060}  # how the PBX takes SIP: udp, tcp, tls, or several of them",
        ]
    return "\n".join(lines) + "\n"


def _admin(listen: str) -> list[str]:
    if not listen:
        return []
    return [
        "admin:  # the web page and the API, where they were used for the first run",
        f"  listen: {_quoted(listen)}",
        "",
    ]


def _certificates(starter: Starter) -> list[str]:
    if starter.acme:
        email = f"{{email: {_quoted(starter.acme_email)}}}" if starter.acme_email else "{}"
        return [
            "# Signed by Let's Encrypt: the names must lead here, and port 80 must be open to the internet.",
            "certificates:",
            f"  default: {{acme: {email}}}",
        ]
    return [
        "# Without a certificate of yours, SIP over TLS is served with a self-signed one,",
        "# which phones must be told to accept.",
        "# certificates:",
        "#   default: {acme: {email: you@example.com}}",
        "#   or {certificate: /etc/voxgate/tls/fullchain.pem, key: /etc/voxgate/tls/privkey.pem}",
    ]


def _interface(name: str | None) -> list[str]:
    if name:
        return [f"  interface: {_quoted(name)}"]
    return ["  # The interface of the default route is used. To choose another:", "  # interface: eth0"]


def _public(addresses: tuple[str, ...]) -> list[str]:
    if addresses:
        given = ", ".join(_quoted(address) for address in addresses)
        return [f"  public_address: [{given}]  # the router's, where this machine has a private one"]
    return [
        "  # Behind a NAT router, the address under which the internet sees it:",
        "  # public_address: 203.0.113.45",
    ]


def _quoted(text: str) -> str:
    """As a YAML scalar in quotes, so that whatever was given stays one value (YAML 1.2.2 section 7.3.2)."""
    return "'" + text.replace("'", "''").replace("\n", " ") + "'"
