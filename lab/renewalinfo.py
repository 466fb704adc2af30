"""An ACME directory in front of Pebble's that also suggests when to renew (ARI, RFC 9773), which older Pebbles do not.

    python3 renewalinfo.py ADDRESS PORT CERTIFICATE KEY CA PEBBLE MANAGEMENT

A certificate that Pebble calls revoked is to be renewed at once, every other one in ten years. It is a program of
its own because it runs in a namespace; the standard library is all it needs.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

_PAST = {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}
_FAR = {"start": "2036-01-01T00:00:00Z", "end": "2036-01-02T00:00:00Z"}


def serve(address: str, port: int, pair: tuple[str, str], trusted: str, pebble: tuple[str, str]) -> None:
    """Answer until ended."""
    trust = ssl.create_default_context(cafile=trusted)

    def fetch(url: str) -> Any:
        with urllib.request.urlopen(url, context=trust, timeout=5) as answer:  # noqa: S310  our own https URLs
            return json.load(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/dir":
                self._say({**fetch(pebble[0]), "renewalInfo": f"https://{address}:{port}/renewal"})
                return
            number = self.path.rpartition(".")[2]
            serial = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4)).lstrip(b"\0").hex()
            state = fetch(f"{pebble[1]}/cert-status-by-serial/{serial}")["Status"]
            self._say({"suggestedWindow": _PAST if state == "Revoked" else _FAR})

        def _say(self, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Retry-After", "2")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *words: Any) -> None:  # noqa: A002  the base class's name
            sys.stderr.write(f"{format % words}\n")

    server = HTTPServer((address, port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _, here, number, certificate, key, ca, directory, management = sys.argv
    serve(here, int(number), (certificate, key), ca, (directory, management))
