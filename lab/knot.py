"""A name server of the lab's internet (Knot): zones that tests write, and take dynamic updates (RFC 2136).

with NameServer(net, "internet", folder, {"example.com": ["@ A 203.0.113.45"]}) as names:
    names.replace("example.com", ["@ A 192.0.2.1"])
"""

from __future__ import annotations

import base64
import secrets
import time
from typing import TYPE_CHECKING, Final, Self

from lab.procs import Completed, LabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from lab.net import Net
    from lab.procs import Process

KEY_NAME: Final = "edge-key.example.com"


class NameServer:
    """Knot on `host`, on its first IPv4 address and port 53. `key` is the TSIG key that may change TXT records."""

    def __init__(self, net: Net, host: str, folder: Path, zones: Mapping[str, Iterable[str]]) -> None:
        self._net = net
        self._host = host
        self._folder = folder / "names"
        self.address = net.host(host).ipv4()
        self.key = base64.b64encode(secrets.token_bytes(32)).decode()
        self._process: Process | None = None
        self._serial = 1
        self._folder.mkdir()
        for zone, lines in zones.items():
            self._write(zone, lines)
        (self._folder / "knot.conf").write_text(self._configuration(zones))

    def __enter__(self) -> Self:
        argv = ["knotd", "-c", str(self._folder / "knot.conf")]
        self._process = self._net.spawn(self._host, argv, log_path=self._folder / "knot.log")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self._control("status").code == 0:
                return self
            time.sleep(0.05)
        raise LabError(f"the name server does not start:\n{(self._folder / 'knot.log').read_text()[-2000:]}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.stop(3)

    def replace(self, zone: str, lines: Iterable[str]) -> None:
        """Other records from now on. Raises LabError."""
        self._write(zone, lines)
        done = self._control("-b", "zone-reload", zone)
        if done.code != 0:
            raise LabError(f"zone {zone}: {done.err}{done.out}")

    @property
    def control_socket(self) -> Path:
        """For `knotc -s`."""
        return self._folder / "knot.sock"

    def _control(self, *words: str) -> Completed:
        return self._net.run(self._host, ["knotc", "-s", str(self.control_socket), "-t", "5", *words])

    def _write(self, zone: str, lines: Iterable[str]) -> None:
        self._serial += 1
        head = (
            f"$ORIGIN {zone}.\n$TTL 5\n"
            f"@ SOA ns.{zone}. hostmaster.{zone}. {self._serial} 3600 600 86400 5\n"
            f"@ NS ns.{zone}.\nns A {self.address}\n"
        )
        (self._folder / f"{zone}.zone").write_text(head + "\n".join(lines) + "\n")

    def _configuration(self, zones: Iterable[str]) -> str:
        lines = [
            "server:",
            f"    rundir: {self._folder}",
            f"    listen: {self.address}@53",
            "    automatic-acl: off",
            "control:",
            f"    listen: {self.control_socket}",
            "log:",
            "  - target: stderr",
            "    any: info",
            "database:",
            f"    storage: {self._folder}",
            "key:",
            f"  - id: {KEY_NAME}",
            "    algorithm: hmac-sha256",
            f"    secret: {self.key}",
            "acl:",
            "  - id: challenges",
            f"    key: {KEY_NAME}",
            "    action: update",
            "    update-type: TXT",
            "zone:",
        ]
        for zone in zones:
            lines += [
                f"  - domain: {zone}",
                f"    storage: {self._folder}",
                f"    file: {zone}.zone",
                "    zonefile-sync: -1",
                "    zonefile-load: difference-no-serial",
                "    journal-content: all",
                "    acl: challenges",
            ]
        return "\n".join(lines) + "\n"
