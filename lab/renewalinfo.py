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


def serve(address: str, port: int, pair: tuple[str, str], trusted: str, pebble: tuple[str, str]) -> None:
    """Answer until ended."""
    trust = ssl.create_default_context(cafile=trusted)
    behind = "{0.scheme}://{0.netloc}".format(urlsplit(pebble[0]))
    replaced: set[str] = set()

    def fetch(request: str | urllib.request.Request) -> Any:
        try:
            return urllib.request.urlopen(request, context=trust, timeout=15)  # noqa: S310  our own https URLs
        except HTTPError as error:
            return error

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/dir":
                with fetch(self._passed_on()) as answer:
                    self._say(200, {**json.load(answer), "renewalInfo": f"https://{address}:{port}/renewal"})
            elif self.path.startswith("/renewal/"):
                number = self.path.rpartition(".")[2]
                serial = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4)).lstrip(b"\0").hex()
                with fetch(f"{pebble[1]}/cert-status-by-serial/{serial}") as answer:
                    state = json.load(answer)["Status"]
                self._say(200, {"suggestedWindow": _PAST if state == "Revoked" else _FAR})
            else:
                self._pass_on()

        def do_HEAD(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            number = _replaces(body) if self.path == _ORDER else ""
            if number in replaced:
                self._say(409, _ALREADY)
            elif self._pass_on(body) == 201 and number:
                replaced.add(number)
                print("replaced", number, flush=True)

        def _passed_on(self, body: bytes | None = None) -> urllib.request.Request:
            # With the client's own Host: it stands in what is signed, and in the addresses that Pebble gives.
            headers = {name: self.headers[name] for name in _PASSED if name in self.headers}
            return urllib.request.Request(behind + self.path, body, headers, method=self.command)  # noqa: S310

        def _pass_on(self, body: bytes | None = None) -> int:
            with fetch(self._passed_on(body)) as answer:
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
            sys.stderr.write(f"{format % words}\n")

    server = ThreadingHTTPServer((address, port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


def _replaces(signed: bytes) -> str:
    """What an order replaces, from the request's signed text; empty: nothing."""
    payload = json.loads(signed)["payload"]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("replaces", ""))


if __name__ == "__main__":
    _, here, number, certificate, key, ca, directory, management = sys.argv
    serve(here, int(number), (certificate, key), ca, (directory, management))
