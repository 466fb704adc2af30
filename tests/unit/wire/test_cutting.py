"""How open connections are named: to `ss`, and by HAProxy."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from voxgate.wire.haproxy_sessions import Session, parse
from voxgate.wire.socket_filter import close_connections

SESSIONS = """\
0x55e7f0c2b0a0: proto=tcpv4 src=203.0.113.9:58454 fe=https be=pbx_p srv=pbx ts=08 age=4s calls=3 cpu=0 lat=0
0x55e7f0c2b7b0: proto=tcpv6 src=2001:db8::9:443 fe=ldap be=router srv=router-1 ts=00 age=1s
0x55e7f0c2b7b1: proto=tcpv6 src=::ffff:198.51.100.7:443 fe=ldap be=router srv=router-1 ts=00 age=1s
0x55e7f0c2c000: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00 age=0s
0xzz: proto=tcpv4 src=203.0.113.9:1 fe=https
"""


def test_sessions_of_addresses_are_found() -> None:
    assert parse(SESSIONS) == (
        Session("0x55e7f0c2b0a0", ip_address("203.0.113.9")),
        Session("0x55e7f0c2b7b0", ip_address("2001:db8::9")),
        Session("0x55e7f0c2b7b1", ip_address("198.51.100.7")),
    )


def test_ss_is_told_whom_to_cut_off_and_whom_not() -> None:
    cut = (ip_network("203.0.113.9/32"), ip_network("2001:db8::/64"))
    assert list(close_connections(cut, (ip_network("2001:db8::7/128"),))) == [
        ("ss", "-H", "-K", "-t", "( dst 203.0.113.9/32 or dst [2001:db8::/64] ) and not dst [2001:db8::7/128]")
    ]
    assert not list(close_connections((), ()))


def test_a_long_list_is_told_in_parts() -> None:
    many = tuple(ip_network(number) for number in range(1000))
    commands = list(close_connections(many, ()))
    assert sum(command[-1].count("dst ") for command in commands) == 1000
    assert max(command[-1].count("dst ") for command in commands) <= 200
