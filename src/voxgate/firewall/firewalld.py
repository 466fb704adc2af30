"""Openings for firewalld: one policy for this machine and one for what passes through it. Pure.

Policies (firewalld.policies(5)) are files of ours alone: writing them anew takes away what is no longer needed, and
the zones of the operator stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from voxgate.firewall.opening import Opening, Way

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER: Final = "/etc/firewalld/policies"
_FAMILIES: Final = {4: "ipv4", 6: "ipv6"}
#: File -> which openings are in it, and where they lead.
_POLICIES: Final = {"voxgate.xml": (Way.IN, "HOST"), "voxgate-forwards.xml": (Way.THROUGH, "ANY")}


def policies(openings: Iterable[Opening]) -> dict[str, str]:
    """File name -> XML; empty text: the file is not needed."""
    listed = tuple(openings)
    return {name: _policy(listed, way, egress) for name, (way, egress) in _POLICIES.items()}


def printed(openings: Iterable[Opening]) -> str:
    """Shell lines that a person pastes."""
    lines = []
    for name, text in policies(openings).items():
        path = f"{FOLDER}/{name}"
        lines.append(f"cat > {path} <<'END'\n{text}END" if text else f"rm -f {path}")
    return "\n".join([*lines, "firewall-cmd --check-config && firewall-cmd --reload"]) + "\n"


def _policy(openings: tuple[Opening, ...], way: Way, egress: str) -> str:
    rules = [rule for one in openings if one.way is way for rule in _rules(one)]
    if not rules:
        return ""
    return "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            '<policy target="CONTINUE">',
            f"  <short>{escape('Voxgate')}</short>",
            "  <description>Made by `voxgate firewall`; changes are overwritten.</description>",
            '  <ingress-zone name="ANY"/>',
            f'  <egress-zone name="{egress}"/>',
            *rules,
            "</policy>",
            "",
        ]
    )


def _rules(one: Opening) -> Iterator[str]:
    for version, addresses, sources in one.versions():
        for address in addresses:
            for source in sources or (None,):
                words = [f"  <rule family={quoteattr(_FAMILIES[version])}>"]
                words += [f"<source address={quoteattr(str(source))}/>"] if source else []
                words += [
                    f"<destination address={quoteattr(str(address))}/>",
                    f"<port port={quoteattr(one.port_text)} protocol={quoteattr(one.proto)}/>",
                    "<accept/></rule>",
                ]
                yield "".join(words)
