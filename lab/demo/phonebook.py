"""Claims about LDAP: each PBX's own phone book over LDAPS, and nothing for those who name no PBX."""

from __future__ import annotations

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
INVALID_CREDENTIALS = 49
PERSON = "person 7"


def beside(pbxs: Mapping[str, Any]) -> dict[str, Any]:
    """PBXs of the configuration with their phone books: on the node of their name's first host."""
    hosts = {"hq": "pbx-hq-a", "branch": "pbx-branch"}
    return {
        name: {**pbx, "ldap": {"plain": 389, "nodes": [node(BEHIND_NAT, hosts[name])]}} if name in hosts else pbx
        for name, pbx in pbxs.items()
    }


def found_in_each(stage: Stage) -> Outcome:
    """A real slapd on each PBX's host, asked by ldapsearch from behind a home router; then as nobody's guest."""
    topology = stage.net.topology
    here = Directory(stage.net, "pbx-hq-a", stage.folder, node(topology, "pbx-hq-a"), HQ)
    there = Directory(stage.net, "pbx-branch", stage.folder, node(topology, "pbx-branch"), BRANCH)
    with here, there:
        books = (here, there)
        found = [f"cn={PERSON},{book.suffix.dn}" in _search(stage, book.bind_dn, book).out for book in books]
        refused = _search(stage, "cn=guest,dc=nobody,dc=example", here)
    words = f"{sum(found)} of {len(found)} phone books answered; a stranger's domain got result {refused.code}"
    return Outcome(all(found) and refused.code == INVALID_CREDENTIALS and not refused.out.strip(), words)


def _search(stage: Stage, dn: str, book: Directory) -> Completed:
    argv = ["ldapsearch", "-x", "-LLL", "-o", "nettimeout=10", "-H", URL, "-D", dn, "-w", book.password]
    argv += ["-b", book.suffix.dn, f"(cn={PERSON})", "telephoneNumber"]
    return stage.net.run("phone-home", argv, env={"LDAPTLS_CACERT": str(stage.ca)})


TITLE = "each PBX's phone book answers over LDAPS, and a bind for nobody's domain is refused"
PROOF = f"ldapsearch verifies {EDGE_NAME}'s certificate; two slapd with a person each"
