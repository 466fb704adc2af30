"""Claims about web pages: each PBX's own over HTTPS, and a refusal of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.demo.claim import Outcome
from lab.demo.stage import BRANCH, HQ, node
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC
from lab.webpbx import WebPbx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.demo.stage import Stage

PORTS = {"tls": 443}
"""Shared with SIP over WebSocket."""
_PORT = 8088
_PAGE = "/PBX0/MY/client"
#: PBX -> its name, the host it runs on; the branch's pages are for the one home office.
_PBXS = {"hq": (HQ, "pbx-hq-a"), "branch": (BRANCH, "pbx-branch")}
_HOME, _HOTEL = "phone-home", "phone-hotel"
#: What curl says of a connection that is closed without an answer (curl(1), EXIT CODES).
_CLOSED = frozenset({18, 52, 56, 92})


def beside(pbxs: Mapping[str, Any]) -> dict[str, Any]:
    """PBXs of the configuration with their web pages."""
    home = {"branch": {"allow_from": ["203.0.113.76/30"]}}
    return {
        name: {**pbx, "http": {"plain": _PORT, "nodes": [_node(name)], "allow_urls": "/PBX0/MY", **home.get(name, {})}}
        if name in _PBXS
        else pbx
        for name, pbx in pbxs.items()
    }


def _node(pbx: str) -> str:
    return node(BEHIND_NAT, _PBXS[pbx][1])


def shown(stage: Stage) -> Outcome:
    """A page of each PBX, and then what is not to be had; all over one port of the edge."""
    hq, branch = (WebPbx(stage.net.maker(_PBXS[pbx][1]), pbx, _node(pbx), _PORT) for pbx in _PBXS)
    with hq, branch:
        pages = [(_ask(stage, _HOME, name, _PAGE), f'"pbx": "{pbx}"') for pbx, (name, _) in _PBXS.items()]
        url = _ask(stage, _HOME, HQ, "/PBX0/ADMIN")
        name = _ask(stage, _HOME, "nobody.example.net", _PAGE)
        network = _ask(stage, _HOTEL, BRANCH, _PAGE)
    served = sum(code == 0 and word in said for (code, said), word in pages)
    closed = [code in _CLOSED and not said for code, said in (name, network)]
    words = (
        f"{served} of {len(pages)} pages; another URL: {url[1][-3:] or 'nothing'}; unknown host and foreign network: "
    )
    words += "closed without a word" if all(closed) else f"{name}, {network}"
    return Outcome(served == len(pages) and url[1].endswith("403") and all(closed), words)


def _ask(stage: Stage, host: str, name: str, path: str) -> tuple[int, str]:
    """Curl's exit code, and what it printed: the page, at its end the status."""
    # Nobody has a certificate for a name that is not there.
    trust = ["--cacert", str(stage.ca)] if name in {HQ, BRANCH} else ["--insecure"]
    argv = ["curl", "--silent", "--max-time", "10", *trust]
    argv += ["--write-out", "%{http_code}", "--resolve", f"{name}:443:{EDGE_PUBLIC}", f"https://{name}{path}"]
    done = stage.net.run(host, argv)
    return done.code, "" if done.out == "000" else done.out


TITLE = "each PBX's page opens over HTTPS; other URLs, hosts and networks are refused"
PROOF = "curl verifies the certificate behind two NAT routers; the PBXs' own web servers answer"
