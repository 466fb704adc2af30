"""Sends datagrams with forged source addresses, a packet a line in hexadecimal on stdin.

    forger.py SOURCE TARGET [COUNT]

All packets in the name of SOURCE, or one each in the names of COUNT addresses from SOURCE on.
"""

from __future__ import annotations

import socket
import struct
import sys


def main(source: str, target: str, count: str = "1") -> None:
    """From port 5060 to port 5060."""
    packets = [bytes.fromhex(line) for line in sys.stdin]
    sources, first = int(count), int.from_bytes(socket.inet_aton(source))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        for number in range(max(len(packets), sources)):
            packet = packets[number % len(packets)]
            udp = struct.pack("!HHHH", 5060, 5060, 8 + len(packet), 0) + packet
            ends = (first + number % sources).to_bytes(4) + socket.inet_aton(target)
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0)
            sock.sendto(head + ends + udp, (target, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
