"""The baresip phone (Debian's 1.0 and 1.1), commanded through its ``ctrl_tcp`` module: JSON in netstrings on loopback.

Version 1.0 does not verify the server's certificate, whatever it is told; later ones do. Over TLS its Contact is a
listener without a certificate: it is reached only through the connection it opened.

Its sound goes to ``aubridge``, where nobody listens: version 1.1 has a player of files, which writes to where it was
started, and dies when a call comes back from hold.

Events and commands: ``modules/ctrl_tcp`` and ``src/event.c`` of its source.
"""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lab import tones
from lab.peers.address import bracketed
from lab.phones import device
from lab.phones.device import Account, PhoneError, Srtp, State
from lab.procs import LabError

if TYPE_CHECKING:
    from types import TracebackType

    from lab.net import Net
    from lab.procs import Process
    from lab.tones import Heard

MODULES = Path("/usr/lib/baresip/modules")
CONFIG = """\
poll_method epoll
sip_listen {listen}
sip_cafile {ca}
sip_verify_server {verify}
call_local_timeout 60
call_max_calls 4
audio_path /nonexistent
audio_source aufile,{tone}
audio_player aubridge,nobody
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_channels 1
audio_buffer 20-160
rtp_stats yes
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path {folder}
module srtp.so
module dtls_srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""
MEDIAENC = {Srtp.CHOICE: "srtp", Srtp.SDES: "srtp-mand", Srtp.DTLS: "dtls_srtp"}
CALL_STATES = {
    "CALL_INCOMING": State.RINGING,
    "CALL_OUTGOING": State.RINGING,
    "CALL_RINGING": State.RINGING,
    "CALL_PROGRESS": State.RINGING,
    "CALL_ESTABLISHED": State.TALKING,
    "CALL_CLOSED": State.IDLE,
}


def config(account: Account, tone: Path, control: int) -> str:
    """The text of baresip's ``config``; ``control`` is the port it is commanded on."""
    # Over TCP and TLS it opens its connection by itself; a listener would be in the way of a second phone.
    address = "[::]" if ":" in account.edge.host else "0.0.0.0"
    return CONFIG.format(
        listen=f"{address}:{account.sip_port}",
        ca=account.ca or "",
        verify="yes" if account.ca else "no",
        folder=account.folder,
        tone=tone,
        modules=MODULES,
        control=control,
    )


def account_line(account: Account) -> str:
    """The line of baresip's ``accounts``."""
    edge = f"sip:{bracketed(account.edge.host)}:{account.edge.port};transport={account.edge.transport}"
    parts = [
        f"<sip:{account.user}@{account.domain};transport={account.edge.transport}>",
        f"auth_pass={account.password}" if account.password else "",
        f'outbound="{edge}"',
        "regint=60",
        "answermode=auto",
        "audio_codecs=PCMU,PCMA",
        f"mediaenc={MEDIAENC[account.srtp]}" if account.srtp in MEDIAENC else "",
    ]
    return ";".join(part for part in parts if part) + "\n"


class Baresip:
    """One baresip in one host (`Device`). ``control`` must differ between phones of one host, as ``sip_port``."""

    def __init__(self, net: Net, account: Account, control: int = 4444) -> None:
        self.account = account
        self.events: list[dict[str, object]] = []
        self._net = net
        self._control = control
        self._state = State.OFF
        self._registered = False
        self._why = ""
        self._process: Process | None = None
        self._socket: socket.socket | None = None

    @property
    def state(self) -> State:
        """Where it is now."""
        return self._state

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.account.folder / "baresip.log"

    def __enter__(self) -> Self:
        """Start it. Raises PhoneError, LabError, OSError."""
        account = self.account
        tone = device.prepare(account)
        (account.folder / "config").write_text(config(account, tone, self._control))
        (account.folder / "accounts").write_text(account_line(account))
        argv = ["baresip", *(["-6"] if ":" in account.edge.host else []), "-f", str(account.folder), "-v"]
        self._process = self._net.spawn(account.host, argv, log_path=self.log)
        try:
            device.until(self._connected, 10, f"{account.user}: baresip takes no commands", self.log)
        except PhoneError:
            self.__exit__(None, None, None)
            raise
        self._state = State.IDLE
        threading.Thread(target=self._listen, name=f"baresip-{account.user}", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it; it unregisters."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._socket is not None:
            self._socket.close()
        self._state = State.OFF

    def register(self, timeout_s: float = 30) -> None:
        """Wait until it is registered, which it does by itself. Raises PhoneError."""

        def done() -> bool:
            # It may have registered before it took commands: then no event tells us, so it is asked.
            self._command("reginfo", "")
            return self._registered

        device.until(done, timeout_s, f"{self.account.user} registers", self.log)

    def dial(self, user: str, timeout_s: float = 30) -> None:
        """Call a user of the own domain and wait for the answer. Raises PhoneError."""
        self._why = ""
        self._command("dial", f"sip:{user}@{self.account.domain}")

        def done() -> bool:
            if self._why:
                raise PhoneError(f"{self.account.user} calls {user}: {self._why}")
            return self._state is State.TALKING

        device.until(done, timeout_s, f"{self.account.user} calls {user}", self.log)

    def hangup(self, timeout_s: float = 30) -> None:
        """End the call and wait until it is over. Raises PhoneError."""
        self._command("hangup", "")
        self.wait(State.IDLE, timeout_s)

    def hold(self, on: bool) -> None:
        """Put the call on hold, or take it back."""
        self._command("hold" if on else "resume", "")

    def wait(self, state: State, timeout_s: float) -> None:
        """Wait until the phone is in that state. Raises PhoneError."""
        device.until(lambda: self._state is state, timeout_s, f"{self.account.user} is {state.value}", self.log)

    def heard(self) -> Heard:
        """What it heard in its last call. Raises PhoneError, OSError, RecordingError.

        Its player is not used: the ``sndfile`` module writes decoded packets one after the other, so lost packets
        shorten the recording and do not show as loss.
        """
        found = sorted(self.account.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise PhoneError(f"{self.account.user}: no call was recorded; see {self.log}")
        return tones.listen(tones.read(found[-1]))

    def _connected(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise PhoneError(f"baresip ended at once; see {self.log}")
        sock = self._net.socket(self.account.host, socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.connect(("127.0.0.1", self._control))
        except OSError:
            sock.close()
            return False
        self._socket = sock
        return True

    def _command(self, name: str, params: str) -> None:
        text = json.dumps({"command": name, "params": params, "token": name}).encode()
        if self._socket is None:
            raise PhoneError("baresip is not running")
        try:
            self._socket.sendall(b"%d:%s," % (len(text), text))
        except OSError as exc:
            raise PhoneError(f"baresip does not take {name}: {exc}") from exc

    def _listen(self) -> None:
        """Runs in a thread of its own until the phone ends."""
        rest = b""
        while self._socket is not None:
            try:
                data = self._socket.recv(65_536)
            except OSError:
                return
            if not data:
                return
            messages, rest = netstrings(rest + data)
            for message in messages:
                self._event(json.loads(message))

    def _event(self, event: dict[str, object]) -> None:
        if event.get("token") == "reginfo":
            self._registered = "OK" in str(event.get("data"))
        if not event.get("event"):
            return
        self.events.append(event)
        kind = str(event.get("type"))
        if kind in ("REGISTER_OK", "REGISTER_FAIL"):
            self._registered = kind == "REGISTER_OK"
        if kind == "CALL_CLOSED":
            self._why = str(event.get("param") or "closed")
        self._state = CALL_STATES.get(kind, self._state)


def netstrings(data: bytes) -> tuple[list[bytes], bytes]:
    """Complete netstrings, and what is left of an incomplete one. Raises LabError for anything else."""
    out: list[bytes] = []
    while data:
        digits, colon, rest = data.partition(b":")
        if not colon and len(digits) < 8:
            break
        if not digits.isdigit():
            raise LabError(f"no netstring: {data[:20]!r}")
        size = int(digits)
        if len(rest) < size + 1:
            break
        out.append(rest[:size])
        data = rest[size + 1 :]
    return out, data
