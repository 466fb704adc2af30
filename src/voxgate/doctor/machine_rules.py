"""What is wrong with the machine below the edge, from what was seen. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.doctor.finding import Finding, Grade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.doctor.facts import Facts, Machine

ERROR, WARNING, NOTE = Grade.ERROR, Grade.WARNING, Grade.NOTE
#: The oldest versions that it is made for, with Debian's package.
_OLDEST: Final = {
    "kamailio": ((5, 6), "kamailio"),
    "rtpengine": ((10, 5), "rtpengine-daemon"),
    "haproxy": ((2, 6), "haproxy"),
    "turnserver": ((4, 5), "coturn"),
    "nft": ((1, 0), "nftables"),
}
_FEW_FILES: Final = 16_384
_LITTLE_ROOM: Final = 200 << 20
#: Of the table of connections.
_FULL: Final = 0.8


def machine_findings(facts: Facts) -> Iterator[Finding]:
    """All of them."""
    machine = facts.machine
    yield from _helpers(machine)
    yield from _programs(machine)
    yield from _limits(machine)
    yield from _media_ports(facts)
    yield from _kernel(machine)


def _helpers(machine: Machine) -> Iterator[Finding]:
    for helper in machine.helpers:
        yield Finding(
            "sip-helper",
            ERROR,
            f"the kernel of this machine changes SIP messages: {helper}",
            "it writes addresses of its own into messages that are right, and opens ports nobody asked for",
            "sysctl -w net.netfilter.nf_conntrack_helper=0; modprobe -r nf_nat_sip nf_conntrack_sip; echo "
            "'blacklist nf_conntrack_sip' > /etc/modprobe.d/no-sip-helper.conf",
        )
    for table in machine.helper_rules:
        yield Finding(
            "sip-helper",
            ERROR,
            f"the packet filter of this machine has SIP messages changed: {table} has a helper for SIP",
            "it writes addresses of its own into messages that are right, and opens ports nobody asked for",
            f"remove it with the rules that set it, there and in /etc/nftables.conf: nft list table {table}",
        )


def _programs(machine: Machine) -> Iterator[Finding]:
    for program, version in machine.versions.items():
        oldest, package = _OLDEST[program]
        if version is None:
            yield Finding(
                "engine-missing",
                ERROR,
                f"the program {program} is not there",
                "what it does is not served",
                f"apt-get install {package}",
            )
        elif version < oldest:
            shown, wanted = (".".join(map(str, one)) for one in (version, oldest))
            yield Finding(
                "engine-old",
                ERROR,
                f"{program} is {shown}, and {wanted} is the oldest that works",
                "it lacks what the edge needs of it",
                f"apt-get install {package}, on Debian 12 or later",
            )
    for module in machine.modules_missing:
        yield Finding(
            "engine-module",
            ERROR,
            f"Kamailio lacks the module {module}",
            "it does not start",
            "apt-get install kamailio kamailio-python3-modules kamailio-tls-modules kamailio-websocket-modules",
        )


def _limits(machine: Machine) -> Iterator[Finding]:
    for engine, most in machine.open_files.items():
        if most < _FEW_FILES:
            yield Finding(
                "open-files",
                WARNING,
                f"{engine} may have {most} files open",
                "each connection and each stream of audio takes one or two: calls fail on a busy day",
                "LimitNOFILE=65536 in voxgate.service, or ulimit -n 65536 before voxgate run",
            )
    if machine.free_bytes is not None and machine.free_bytes < _LITTLE_ROOM:
        yield Finding(
            "disk-full",
            ERROR,
            f"{machine.free_bytes >> 20} MB are free for /var/lib/voxgate",
            "certificates, bans and records cannot be written",
            "make room on that file system",
        )


def _media_ports(facts: Facts) -> Iterator[Finding]:
    machine, (first, last) = facts.machine, facts.edge.media
    low, high = machine.ephemeral
    if low <= last and first <= high:
        yield Finding(
            "ports-overlap",
            WARNING,
            f"media.ports {first}-{last} and the kernel's own ports {low}-{high} overlap",
            "any program may hold a port of a call: single calls have no audio",
            f"sysctl -w net.ipv4.ip_local_port_range='{max(last + 1, 32768)} 60999', or other media.ports",
        )
    for port, who in machine.strangers:
        yield Finding(
            "port-taken",
            WARNING,
            f"{who} holds UDP port {port}, one of media.ports",
            "a call that is given this port has no audio",
            "stop it, or choose other media.ports",
        )
    lost = {port: count for port, count in machine.drops.items() if count}
    if lost:
        told = ", ".join(f"{count} at port {port}" for port, count in sorted(lost.items())[:5])
        yield Finding(
            "udp-drops",
            WARNING,
            f"datagrams were lost because a queue was full: {told}",
            "requests have to be sent again, or audio has gaps",
            f"sysctl -w net.core.rmem_max={max(8 << 20, machine.memory_max)} "
            "net.core.rmem_default=1048576, and see whether a processor is busy",
        )


def _kernel(machine: Machine) -> Iterator[Finding]:
    if machine.synchronized is False:
        yield Finding(
            "clock",
            WARNING,
            "the clock of this machine is not kept in time",
            "certificates, time-limited credentials and call records go by it",
            "timedatectl set-ntp true, or install chrony",
        )
    if machine.connections and machine.connections[0] > _FULL * machine.connections[1]:
        count, most = machine.connections
        yield Finding(
            "conntrack-full",
            WARNING,
            f"{count} of {most} entries of connection tracking are taken",
            "when it is full, the kernel drops packets of new calls",
            f"sysctl -w net.netfilter.nf_conntrack_max={2 * most}",
        )
    if machine.own_name and not machine.own_name_found:
        yield Finding(
            "own-name",
            WARNING,
            f"this machine's own name {machine.own_name} is not found",
            "Kamailio's start waits seconds for DNS",
            f"add it to /etc/hosts: 127.0.1.1 {machine.own_name}",
        )
