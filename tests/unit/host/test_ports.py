import socket

import pytest

from voxgate.host.ports import holder, is_taken


@pytest.mark.parametrize(
    ("proto", "kind", "reuse"),
    [
        pytest.param("udp", socket.SOCK_DGRAM, False, id="udp"),
        pytest.param("udp", socket.SOCK_DGRAM, True, id="udp, shared as Kamailio does"),
        pytest.param("tcp", socket.SOCK_STREAM, True, id="tcp"),
        pytest.param("tls", socket.SOCK_STREAM, True, id="tls is tcp"),
    ],
)
def test_a_port_in_use_is_seen_with_its_holder(proto: str, kind: socket.SocketKind, reuse: bool) -> None:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
        sock.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        port: int = sock.getsockname()[1]
        assert is_taken(proto, "127.0.0.1", port)
        assert "(process " in holder(proto, port)
    assert not is_taken(proto, "127.0.0.1", port)
    assert holder(proto, port) == ""


def test_a_tcp_port_with_connections_that_linger_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            accepted.close()  # we close first: TIME_WAIT is on our side
    assert not is_taken("tcp", "127.0.0.1", port)


def test_an_address_of_another_machine_is_left_to_the_engine() -> None:
    assert not is_taken("udp", "192.0.2.1", 5060)


def test_ipv6_is_looked_at_by_itself() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        assert not is_taken("udp", "::1", sock.getsockname()[1])
