"""A real LDAP server (slapd) with one suffix, people in it, and a user who may search.

with Directory(net, "pbx-hq-a", folder, "192.168.1.20", "example.com") as directory:
    directory.bind_dn, directory.password
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from lab import procs
from lab.procs import LabError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from lab.net import Net
    from lab.procs import Process
    from lab.tls import Identity

SCHEMAS = ("core", "cosine", "inetorgperson")
PASSWORD = "pbx-guest"  # noqa: S105  of a throwaway directory


@dataclass(frozen=True, slots=True)
class Suffix:
    """`example.com` as LDAP writes it."""

    domain: str

    @property
    def dn(self) -> str:
        """`dc=example,dc=com`."""
        return ",".join(f"dc={label}" for label in self.domain.split("."))


class Directory:
    """slapd on `host`, at `address`: port 389, and 636 with `tls`. `people` entries `cn=person N`, and `cn=album`,

    one value of `album_bytes`.
    """

    def __init__(
        self,
        net: Net,
        host: str,
        folder: Path,
        address: str,
        domain: str,
        *,
        tls: Identity | None = None,
        people: int = 20,
        album_bytes: int = 0,
    ) -> None:
        self.host = host
        self.suffix = Suffix(domain)
        self.bind_dn = f"cn=guest,{self.suffix.dn}"
        self.password = PASSWORD
        self.log = folder / f"slapd-{host}.log"
        self._net = net
        self._address = address
        self._tls = tls
        self._people = people
        self._album_bytes = album_bytes
        self._folder = folder / f"slapd-{host}"
        self._process: Process | None = None

    def __enter__(self) -> Self:
        """Fill it, start it and wait until it answers. Raises LabError."""
        database = self._folder / "db"
        database.mkdir(parents=True)
        config = self._folder / "slapd.conf"
        config.write_text(self._config(database))
        done = procs.run(("slapadd", "-q", "-f", str(config)), stdin=self._entries(), timeout_s=60)
        if done.code != 0:
            raise LabError(f"slapadd: {done.err}")
        urls = f"ldap://{self._address}:389" + (f" ldaps://{self._address}:636" if self._tls else "")
        argv = ["slapd", "-f", str(config), "-h", urls, "-d", "stats"]
        self._process = self._net.spawn(self.host, argv, log_path=self.log)
        deadline = time.monotonic() + 20
        while "slapd starting" not in self.text():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise LabError(f"slapd does not start: {self.text()[-2000:]}")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    @property
    def pid(self) -> int:
        """Of slapd."""
        if self._process is None:
            raise LabError("slapd does not run")
        return self._process.pid

    def text(self) -> str:
        """Its log: every connection, operation and result."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _config(self, database: Path) -> str:
        lines = [f"include /etc/ldap/schema/{name}.schema" for name in SCHEMAS]
        lines += ["modulepath /usr/lib/ldap", "moduleload back_mdb", f"pidfile {self._folder}/slapd.pid"]
        if self._tls:
            lines += [f"TLSCertificateFile {self._tls.certificate}", f"TLSCertificateKeyFile {self._tls.key}"]
        lines += ["database mdb", f"directory {database}", f'suffix "{self.suffix.dn}"', "maxsize 268435456"]
        lines += ["access to attrs=userPassword by anonymous auth by * none", "access to * by users read by * none"]
        return "\n".join(lines) + "\n"

    def _entries(self) -> str:
        dn, label = self.suffix.dn, self.suffix.domain.partition(".")[0]
        blocks = [
            f"dn: {dn}\nobjectClass: dcObject\nobjectClass: organization\no: {label}\ndc: {label}",
            (
                f"dn: {self.bind_dn}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: guest\n"
                f"userPassword: {PASSWORD}"
            ),
        ]
        blocks += [
            f"dn: cn=person {number},{dn}\nobjectClass: inetOrgPerson\ncn: person {number}\nsn: {label}\n"
            f"telephoneNumber: +49 555 {number:04}"
            for number in range(self._people)
        ]
        if self._album_bytes:
            photos = "x" * self._album_bytes
            blocks.append(f"dn: cn=album,{dn}\nobjectClass: organizationalRole\ncn: album\ndescription: {photos}")
        return "\n\n".join(blocks) + "\n"
