"""Claims about LDAP: each PBX's own phone book over LDAPS, and nothing for those who name no PBX."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

from lab.demo.claim import Outcome
from lab.demo.stage import BRANCH, EDGE_NAME, HQ, node
from lab.directory import Directory
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.demo.stage import Stage
    from lab.procs import Completed

URL = f"ldaps://{EDGE_PUBLIC}"
PORTS = {"tls": 636}
INVALID_CREDENTIALS, INAPPROPRIATE, UNSUPPORTED = 49, 48, 7
PERSON = "person 7"
#: The branch's phone book is for phones at home only.
HOME = "203.0.113.77"
#: A bind with GSSAPI, which is Kerberos: ldapsearch would need a domain for it.
KERBEROS = b"\x30\x16\x02\x01\x01\x60\x11\x02\x01\x03\x04\x00\xa3\x0a\x04\x06GSSAPI\x04\x00"


def beside(pbxs: Mapping[str, Any]) -> dict[str, Any]:
    """PBXs of the configuration with their phone books: on the node of their name's first host."""
    books = {"hq": ("pbx-hq-a", []), "branch": ("pbx-branch", [HOME])}
    return {name: {**pbx, "ldap": _ldap(*books[name])} if name in books else pbx for name, pbx in pbxs.items()}


def _ldap(host: str, networks: list[str]) -> dict[str, Any]:
    return {"plain": 389, "nodes": [node(BEHIND_NAT, host)], "allow_from": networks}


def found_in_each(stage: Stage) -> Outcome:
    """A real slapd on each PBX's host, asked by ldapsearch from behind a home router; then whatever is refused."""
    topology = stage.net.topology
    here = Directory(stage.net, "pbx-hq-a", stage.folder, node(topology, "pbx-hq-a"), HQ)
    there = Directory(stage.net, "pbx-branch", stage.folder, node(topology, "pbx-branch"), BRANCH)
    with here, there:
        books = (here, there)
        found = [f"cn={PERSON},{book.suffix.dn}" in _search(stage, book.bind_dn, book).out for book in books]
        refused = {
            "a stranger's domain": (_search(stage, "cn=guest,dc=nobody,dc=example", here).code, INVALID_CREDENTIALS),
            "no name": (_search(stage, "", here).code, INAPPROPRIATE),
            "Kerberos": (_kerberos(stage), UNSUPPORTED),
            "another network": (_search(stage, there.bind_dn, there, host="phone-hotel").code, INVALID_CREDENTIALS),
        }
    got = ", ".join(f"{who} {code}" for who, (code, _) in refused.items())
    held = all(found) and all(code == due for code, due in refused.values())
    return Outcome(held, f"{sum(found)} of {len(found)} phone books answered; results: {got}")


def _search(stage: Stage, dn: str, book: Directory, *, host: str = "phone-home") -> Completed:
    argv = ["ldapsearch", "-x", "-LLL", "-o", "nettimeout=10", "-H", URL]
    argv += ["-D", dn, "-w", book.password] if dn else []
    argv += ["-b", book.suffix.dn, f"(cn={PERSON})", "telephoneNumber"]
    return stage.net.run(host, argv, env={"LDAPTLS_CACERT": str(stage.ca)})


def _kerberos(stage: Stage) -> int:
    """The result of a bind by Kerberos."""
    plain = stage.net.socket("phone-home", socket.AF_INET, socket.SOCK_STREAM)
    plain.settimeout(10)
    plain.connect((EDGE_PUBLIC, PORTS["tls"]))
    with ssl.create_default_context(cafile=str(stage.ca)).wrap_socket(plain, server_hostname=EDGE_NAME) as phone:
        phone.sendall(KERBEROS)
        answer = phone.recv(1000)
    return answer[answer.index(b"\x0a\x01") + 2]


TITLE = "each PBX's phone book answers over LDAPS; no name, nobody's domain, Kerberos and other networks are refused"
PROOF = f"ldapsearch verifies {EDGE_NAME}'s certificate; two slapd with a person each; results as the RFC has them"
