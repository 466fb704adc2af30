"""A person's browser on a host of the lab: Debian's Chromium, driven by Playwright, which downloads nothing.

    with WebUser(net, "phone-home", folder, {"edge.example.com": "198.51.100.10"}) as user:
        page = user.page(dark=True, width=400)
        page.goto("https://edge.example.com:8080/")
        ...
        assert user.complaints == []

Not to be used while an event loop runs in the same thread.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Self

from playwright.sync_api import expect, sync_playwright

from lab.peers.address import bracketed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

    from lab.net import Net

SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
TIMEOUT_MS = 60_000
#: What a browser says of an answer from 400 on: the tests look at such answers themselves.
_EXPECTED = "Failed to load resource"


class WebUser:
    """Use as a context manager. `complaints` is what browsers do not like: violated policies, errors of scripts."""

    def __init__(self, net: Net, host: str, folder: Path, names: Mapping[str, str]) -> None:
        self.complaints: list[str] = []
        self._chromium = folder / "chromium.sh"
        command = shlex.join(net.inside(host, ("chromium",)))
        self._chromium.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        self._chromium.chmod(0o755)
        self._rules = ", ".join(f"MAP {name} {bracketed(address)}" for name, address in names.items())
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def __enter__(self) -> Self:
        """Start the browser. Raises playwright.sync_api.Error."""
        self._playwright = sync_playwright().start()
        expect.set_options(timeout=TIMEOUT_MS)
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=self._chromium, args=[*SWITCHES, f"--host-resolver-rules={self._rules}"]
            )
        except BaseException:
            self._playwright.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()

    def page(self, *, dark: bool = False, width: int = 1280, height: int = 900) -> Page:
        """A page in a browser of its own: no cookies of another one's."""
        assert self._browser is not None  # noqa: S101  entered
        context = self._browser.new_context(
            ignore_https_errors=True,
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
        )
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_EXPECTED):
            self.complaints.append(message.text)
