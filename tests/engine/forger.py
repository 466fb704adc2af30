"""Sends datagrams with a forged source address: `forger.py SOURCE TARGET`, a packet a line in hexadecimal on stdin."""

from __future__ import annotations

import socket
import struct
import sys


def main(source: str, target: str) -> None:
    """From port 5060 to port 5060."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        for line in sys.stdin:
            packet = bytes.fromhex(line)
            udp = struct.pack("!HHHH", 5060, 5060, 8 + len(packet), 0) + packet
            ends = socket.inet_aton(source) + socket.inet_aton(target)
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0)
            sock.sendto(head + ends + udp, (target, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
