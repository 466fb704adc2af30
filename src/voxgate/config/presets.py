"""Lists of URLs that PBXs' own clients need, by name. Pure.

A preset stands under `allow_urls` as `@name`, beside URLs and other presets.
"""

from __future__ import annotations

from typing import Final

#: The client of innovaphone's PBX in a browser or launcher, with its call lists wherever they are kept.
_MYPBX: Final = (
    "/PBX0/MY",
    "/PBX0/WEBSOCKET",
    "/PBX0/DEVICES",
    "/CDR0/CALL-LIST",
    "/apps/innovaphone-reporting/mypbx",
)

PRESETS: Final[dict[str, tuple[str, ...]]] = {
    "innovaphone-mypbx": _MYPBX,
    # Apps of the PBX, version 12r2 and later.
    "innovaphone-apps": ("/PBX0/APPS", "/PBX0/web/js", "/fonts"),
    # Call lists for myPBX from the PBX's own service or from the reporting on the application platform.
    "innovaphone-call-lists": ("/CDR0/CALL-LIST",),
    "innovaphone-reporting": ("/apps/innovaphone-reporting/mypbx",),
    # The reporting application itself, for people who make reports.
    "innovaphone-reporting-full": (
        "/apps/innovaphone-reporting",
        "/classes",
        "/style_inno.css",
        "/style.css",
        "/java_main.js",
        "/images",
        "/favicon.ico",
    ),
    # PBXs elsewhere that post their call records to the reporting.
    "innovaphone-cdr": ("/ap/cdr.fcgi",),
    # TAPI and SOAP of PCs outside.
    "innovaphone-soap": ("/PBX0/user.soap",),
    # Operators that switch the night service, beside myPBX.
    "innovaphone-operator": ("/PBX0/ADMIN",),
    # The PHP update server, version 2, in its usual folder. Where it checks certificates itself, `pass_tls` is needed.
    "innovaphone-update-server": ("/update/", "/update/fw/"),
    # NethVoice's CTI on a host of its own: its pages, its interface and events, its gateway for browsers' audio.
    "nethvoice-cti": (
        "/",
        "/_next/static/",
        "/static",
        "/webrest",
        "/api",
        "/socket.io",
        "/janus",
    ),
}
#: Stands for every URL there is.
EVERYTHING: Final = "everything"
