"""An ACME authority in front of Pebble that also speaks ARI (RFC 9773), which older Pebbles do not.

    python3 renewalinfo.py ADDRESS PORT CERTIFICATE KEY CA PEBBLE MANAGEMENT

A certificate that Pebble calls revoked is to be renewed at once, every other one in ten years. An order that replaces
a certificate is written down, and taken once; all else is Pebble's. It is a program of its own because it runs in a
namespace; the standard library is all it needs.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

_PAST = {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}
_FAR = {"start": "2036-01-01T00:00:00Z", "end": "2036-01-02T00:00:00Z"}
_ORDER = "/order-plz"
_ALREADY = {"type": "urn:ietf:params:acme:error:alreadyReplaced", "detail": "it has a replacement"}
#: Headers that pass in both directions.
_PASSED = ("Content-Type", "Host", "User-Agent", "Replay-Nonce", "Location", "Link", "Retry-After")


class Front(ThreadingHTTPServer):
    """What the handlers share. `authority` and `management` are Pebble's own addresses."""

    def __init__(self, address: str, port: int, trusted: str, authority: str, management: str) -> None:
        super().__init__((address, port), Handler)
        self.here = f"https://{address}:{port}"
        self.authority = "{0.scheme}://{0.netloc}".format(urlsplit(authority))
        self.management = management
        self.replaced: set[str] = set()
        self._trust = ssl.create_default_context(cafile=trusted)

    def fetch(self, request: str | urllib.request.Request) -> Any:
        """An answer of Pebble's, good or bad."""
        try:
            return urllib.request.urlopen(request, context=self._trust, timeout=15)  # noqa: S310  our own https URLs
        except HTTPError as error:
            return error


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Front

    def do_GET(self) -> None:
        """The directory with one entry more, what that leads to, or Pebble's answer."""
        if self.path == "/dir":
            with self.server.fetch(self._passed_on()) as answer:
                self._say(200, {**json.load(answer), "renewalInfo": f"{self.server.here}/renewal"})
        elif self.path.startswith("/renewal/"):
            number = self.path.rpartition(".")[2]
            serial = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4)).lstrip(b"\0").hex()
            with self.server.fetch(f"{self.server.management}/cert-status-by-serial/{serial}") as answer:
                state = json.load(answer)["Status"]
            self._say(200, {"suggestedWindow": _PAST if state == "Revoked" else _FAR})
        else:
            self._pass_on()

    def do_HEAD(self) -> None:
        """Nonces."""
        self._pass_on()

    def do_POST(self) -> None:
        """Orders are looked at, and all goes on to Pebble."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        number = _replaces(body) if self.path == _ORDER else ""
        if number in self.server.replaced:
            self._say(409, _ALREADY)
        elif self._pass_on(body) == 201 and number:
            self.server.replaced.add(number)
            print("replaced", number, flush=True)

    def _passed_on(self, body: bytes | None = None) -> urllib.request.Request:
        # With the client's own Host: it stands in what is signed, and in the addresses that Pebble gives.
        headers = {name: self.headers[name] for name in _PASSED if name in self.headers}
        url = self.server.authority + self.path
        return urllib.request.Request(url, body, headers, method=self.command)  # noqa: S310  our own https URLs

    def _pass_on(self, body: bytes | None = None) -> int:
        with self.server.fetch(self._passed_on(body)) as answer:
            status, headers, text = int(answer.status), answer.headers, answer.read()
        self.send_response(status)
        for name in _PASSED:
            for value in headers.get_all(name, ()):
                self.send_header(name, value)
        self._end(text)
        return status

    def _say(self, status: int, value: Any) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status == 200 else "application/problem+json")
        self.send_header("Retry-After", "2")
        self._end(json.dumps(value).encode())

    def _end(self, text: bytes) -> None:
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *words: Any) -> None:  # noqa: A002  the base class's name
        """Into our own log."""
        sys.stderr.write(f"{format % words}\n")


def serve(front: Front, certificate: str, key: str) -> None:
    """Answer until ended."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    front.socket = context.wrap_socket(front.socket, server_side=True)
    print("ready", flush=True)
    front.serve_forever()


def _replaces(signed: bytes) -> str:
    """What an order replaces, from the request's signed text; empty: nothing."""
    payload = json.loads(signed)["payload"]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("replaces", ""))


if __name__ == "__main__":
    _, here, number, pem, private, ca, directory, management = sys.argv
    serve(Front(here, int(number), ca, directory, management), pem, private)
