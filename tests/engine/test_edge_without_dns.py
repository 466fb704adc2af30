"""An edge on a bare machine: its host name is not in /etc/hosts, and the name server never answers."""

from __future__ import annotations

from contextlib import ExitStack
from socket import AF_INET

from lab.edge import Edge
from lab.net import Net
from lab.topologies import BEHIND_NAT
from tests.engine.office import HQ, MARKS, config, folder

pytestmark = MARKS

NAME = "lonely"
#: In namespaces of its own, as the machine's name and files are.
BARE = (
    'mount --bind "$1/resolv.conf" /etc/resolv.conf && mount --bind "$1/hosts" /etc/hosts && hostname "$2" '
    '&& shift 2 && exec "$@"'
)


class Bare(Edge):
    """An edge on such a machine."""

    def _command(self) -> list[str]:
        bare = ["unshare", "--mount", "--uts", "sh", "-c", BARE, "sh", str(self.folder), NAME]
        return [*bare, *super()._command()]


def test_no_engine_waits_for_dns_any_longer_than_one_question_takes() -> None:
    with ExitStack() as stack:
        made = stack.enter_context(folder())
        (made / "resolv.conf").write_text(f"search one.example two.example\nnameserver {HQ}\n")
        (made / "hosts").write_text("127.0.0.1 localhost\n")
        net = stack.enter_context(Net(BEHIND_NAT))
        silent = stack.enter_context(net.socket("pbx-hq-a", AF_INET))
        silent.bind((HQ, 53))
        silent.setblocking(False)
        edge = stack.enter_context(Bare(net, made, config()))
        assert edge.status()["overall"] in {"ok", "degraded"}
        asked = []
        while True:
            try:
                asked.append(silent.recv(1500))
            except BlockingIOError:
                break
        assert asked
        assert not [question for question in asked if b"\3one\7example" in question]
        assert len({question[:2] for question in asked}) == len(asked), "a question was repeated"
