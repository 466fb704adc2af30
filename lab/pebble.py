"""An ACME authority on the lab's internet: Pebble, as strict as it can be made.

It follows the lab's DNS, really asks port 80 and the TXT records, forgets nonces, and never takes a proof for granted.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from lab.procs import LabError

if TYPE_CHECKING:
    from types import TracebackType

    from lab.net import Net
    from lab.procs import Process
    from lab.tls import Authority

PORT: Final = 14000
MANAGEMENT: Final = 15000
FRONT: Final = 14001


class Pebble:
    """Pebble on `host`; `names` is the address of the name server that it asks. Raises LabError."""

    def __init__(self, net: Net, host: str, folder: Path, authority: Authority, names: str, **settings: Any) -> None:
        self._net = net
        self._host = host
        self.address = net.host(host).ipv4()
        self._folder = folder / "pebble"
        self._folder.mkdir()
        self._names = names
        self.identity = authority.issue(self._folder, self.address)
        self._process: Process | None = None
        (self._folder / "pebble.json").write_text(
            json.dumps(
                {
                    "pebble": {
                        "listenAddress": f"{self.address}:{PORT}",
                        "managementListenAddress": f"{self.address}:{MANAGEMENT}",
                        "certificate": str(self.identity.certificate),
                        "privateKey": str(self.identity.key),
                        "httpPort": 80,
                        "tlsPort": 443,
                        "ocspResponderURL": "",
                        "externalAccountBindingRequired": False,
                        **settings,
                    }
                }
            )
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def directory(self) -> str:
        """What stands at `acme.directory`."""
        return f"https://{self.address}:{PORT}/dir"

    def start(self) -> None:
        """Start it: with new roots, and without a memory of accounts and orders."""
        argv = ["pebble", "-strict", "-config", str(self._folder / "pebble.json"), "-dnsserver", f"{self._names}:53"]
        settings = {"PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0"}
        log = self._folder / "pebble.log"
        self._process = self._net.spawn(self._host, argv, log_path=log, env=settings)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            try:
                self.root()
            except LabError:
                time.sleep(0.05)
            else:
                return
        raise LabError(f"Pebble does not start:\n{log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End it: the authority is down."""
        if self._process is not None:
            self._process.stop(3)
            self._process = None

    def with_renewal_info(self) -> str:
        """Start an authority in front of it that speaks ARI as well; gives its directory. Raises LabError."""
        front = Path(__file__).with_name("renewalinfo.py")
        log = self._folder / "renewalinfo.log"
        files = [str(path) for path in (self.identity.certificate, self.identity.key, self.identity.ca)]
        management = f"https://{self.address}:{MANAGEMENT}"
        argv = ["python3", str(front), self.address, str(FRONT), *files, self.directory, management]
        self._net.spawn(self._host, argv, log_path=log)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if "ready" in log.read_text():
                return f"https://{self.address}:{FRONT}/dir"
            time.sleep(0.05)
        raise LabError(f"no renewal information:\n{log.read_text()[-2000:]}")

    def replaced(self) -> list[str]:
        """The certificates that orders at this directory have replaced, by their identifiers (RFC 9773)."""
        lines = (self._folder / "renewalinfo.log").read_text().splitlines()
        return [line.partition(" ")[2] for line in lines if line.startswith("replaced ")]

    def root(self) -> bytes:
        """What clients are to trust, PEM."""
        url = f"https://{self.address}:{MANAGEMENT}/roots/0"
        script = (
            "import ssl,sys,urllib.request as u;"
            "c=ssl.create_default_context(cafile=sys.argv[2]);"
            "sys.stdout.write(u.urlopen(sys.argv[1],context=c,timeout=3).read().decode())"
        )
        done = self._net.run(self._host, ["python3", "-c", script, url, str(self.identity.ca)])
        if done.code != 0:
            raise LabError(f"Pebble's management does not answer: {done.err[-300:]}")
        return done.out.encode()

    def text(self) -> str:
        """Its log."""
        return (self._folder / "pebble.log").read_text(errors="replace")
