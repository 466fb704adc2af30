"""The linphone phone (``linphonec`` of Debian's linphone-cli, 5.1 and 5.3), commanded through its standard input.

Sound is files in both directions (``soundcard use files``); its home is the account's folder. What it plays stands in
its configuration as the music on hold: while 5.3 starts, that replaces the file of an early ``play``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

from lab import tones
from lab.peers.address import bracketed
from lab.phones import device
from lab.phones.device import Account, PhoneError, Srtp, State

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from lab.net import Net
    from lab.procs import Process
    from lab.tones import Heard

RC = """\
[net]
mtu=1300
firewall_policy=0

[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port={tls}
use_ipv6={six}
default_proxy=0
root_ca={ca}
verify_server_certs={verify}
verify_server_cn={verify}
media_encryption={encryption}
media_encryption_mandatory={mandatory}
register_only_when_network_is_up=0
guess_hostname=1

[proxy_0]
reg_proxy=<{edge}>
reg_route=<{edge}>
reg_identity=<sip:{user}@{domain}>
reg_expires=120
reg_sendregister=1
publish=0
quality_reporting_enabled=0
{auth}
[rtp]
audio_rtp_port={rtp}

[sound]
echocancellation=0
hold_music={tone}

[video]
enabled=0
capture=0
display=0

[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1

[audio_codec_1]
mime=PCMA
rate=8000
channels=1
enabled=1
"""
ENCRYPTION = {Srtp.NONE: "none", Srtp.CHOICE: "srtp", Srtp.SDES: "srtp", Srtp.DTLS: "dtls"}
SAID = (
    (re.compile(r"Call \d+ to .* in progress|Call \d+ to .* ringing|incoming call from"), State.RINGING),
    (re.compile(r"Media streams established with"), State.TALKING),
    (re.compile(r"Call \d+ with .* (ended|error)"), State.IDLE),
)
REFUSED = re.compile(r"Call \d+ with .* (ended|error).*")
AUTH = """
[auth_info_0]
username={user}
passwd={password}
domain={domain}
"""


def rc(account: Account, rtp: int, tone: Path) -> str:
    """The text of linphone's configuration file; port -1 lets it choose one, 0 turns a transport off."""
    transport = account.edge.transport
    ports = {kind: account.sip_port if kind == transport == "udp" else 0 for kind in ("udp", "tcp", "tls")}
    if transport != "udp":
        ports[transport] = -1
    # It compares the certificate with the host of this URI as a name, never as an address.
    host = server_name(account) if transport == "tls" else bracketed(account.edge.host)
    place = f"{host}:{account.edge.port}"
    auth = AUTH.format(user=account.user, password=account.password, domain=account.domain)
    return RC.format(
        **ports,
        six=int(":" in account.edge.host),
        ca=account.ca or "",
        verify=int(account.ca is not None),
        encryption=ENCRYPTION[account.srtp],
        mandatory=int(account.srtp in (Srtp.SDES, Srtp.DTLS)),
        edge=f"sip:{place};transport={transport}",
        user=account.user,
        domain=account.domain,
        auth=auth if account.password else "",
        rtp=rtp,
        tone=tone,
    )


def server_name(account: Account) -> str:
    """The name in the edge's certificate."""
    return account.server_name or account.domain


class Linphone:
    """One linphonec in one host (`Device`)."""

    def __init__(self, net: Net, account: Account, rtp: int = 7078) -> None:
        self.account = account
        self._net = net
        self._rtp = rtp
        self._process: Process | None = None
        self._mark = 0

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.account.folder / "linphone.log"

    @property
    def recording(self) -> Path:
        """What it hears is written there; the latest call counts."""
        return self.account.folder / "heard.wav"

    @property
    def state(self) -> State:
        """Where it is now, by the last state it printed."""
        if self._process is None or self._process.poll() is not None:
            return State.OFF
        return last_state(self._said())

    def __enter__(self) -> Self:
        """Start it. Raises PhoneError, LabError, OSError."""
        account = self.account
        tone = device.prepare(account)
        if account.edge.transport == "tls":
            self._net.resolve(account.host, {server_name(account): account.edge.host})
        setup = account.folder / "linphonerc"
        setup.write_text(rc(account, self._rtp, tone))
        # liblinphone keeps a database there and complains without the folder.
        (account.folder / ".local/share/linphone").mkdir(parents=True, exist_ok=True)
        argv = ["linphonec", "-c", str(setup), "-a", "-S", "-d", "1", "-l", str(account.folder / "debug.log")]
        env = {"HOME": str(account.folder)}
        self._process = self._net.spawn(account.host, argv, log_path=self.log, env=env, with_input=True)
        self._say("soundcard use files")
        self._say(f"record {self.recording}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def register(self, timeout_s: float = 30) -> None:
        """Wait until it is registered, which it does by itself. Raises PhoneError."""
        diary = self.account.folder / "debug.log"

        def done() -> bool:
            return diary.exists() and "to [LinphoneRegistrationOk]" in diary.read_text(errors="replace")

        device.until(done, timeout_s, f"{self.account.user} registers", diary)

    def dial(self, user: str, timeout_s: float = 30) -> None:
        """Call a user of the own domain and wait for the answer. Raises PhoneError."""
        self._mark = len(self._said())
        self._say(f"call sip:{user}@{self.account.domain}")

        def done() -> bool:
            if refused := REFUSED.search(self._said()[self._mark :]):
                raise PhoneError(f"{self.account.user} calls {user}: {refused[0]}")
            return self.state is State.TALKING

        device.until(done, timeout_s, f"{self.account.user} calls {user}", self.log)

    def hangup(self, timeout_s: float = 30) -> None:
        """End the call and wait until it is over. Raises PhoneError."""
        self._say("terminate")
        self.wait(State.IDLE, timeout_s)

    def wait(self, state: State, timeout_s: float) -> None:
        """Wait until the phone is in that state. Raises PhoneError."""
        device.until(lambda: self.state is state, timeout_s, f"{self.account.user} is {state.value}", self.log)

    def heard(self) -> Heard:
        """What it heard in its last call. Raises OSError, RecordingError.

        It appends one call to the other, so what was judged is moved away.
        """
        judged = self.account.folder / "judged.wav"
        if self.recording.exists():
            self.recording.replace(judged)
        return tones.listen(tones.read(judged))

    def _say(self, line: str) -> None:
        if self._process is None:
            raise PhoneError("linphone is not running")
        self._process.write(line + "\n")

    def _said(self) -> str:
        return self.log.read_text(errors="replace")


def last_state(said: str) -> State:
    """The state of the phone after what it printed."""
    found = [state for line in said.splitlines() for pattern, state in SAID if pattern.search(line)]
    return found[-1] if found else State.IDLE
