"""The claim about the web page: an administrator's browser logs in and sees how everything is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import Error

from lab.demo.claim import Outcome
from lab.edge import VOXGATE
from lab.topologies import EDGE_LAN
from lab.webuser import WebUser

if TYPE_CHECKING:
    from lab.demo.stage import Stage

TITLE = "an administrator's browser logs in to the web page and sees how everything is"
PROOF = "Chromium on the LAN; a light for each PBX; whatever the browser complains of counts"
LISTEN = f"{EDGE_LAN}:8440"
_HOST = "phone-lan"
_USER, _PASSWORD = "alice", "orange lamp river"


def seen(stage: Stage) -> Outcome:
    """Log in and look."""
    words = ["--run-dir", f"{stage.folder}/run", "--state-dir", f"{stage.folder}/state", "user", "set", _USER]
    argv = [VOXGATE, *words, "--role", "read-only", "--password-stdin"]
    made = stage.net.run("edge", argv, stdin=f"{_PASSWORD}\n", timeout_s=30)
    if made.code:
        return Outcome(False, f"no user: {made.err}")
    try:
        with WebUser(stage.net, _HOST, stage.folder, {}) as user:
            page = user.page()
            page.goto(f"https://{LISTEN}/")
            page.get_by_label("User").fill(_USER)
            page.get_by_label("Password").fill(_PASSWORD)
            page.get_by_role("button", name="Log in").click()
            lights = page.locator(".boards li")
            lights.get_by_text("hq", exact=True).wait_for()
            return Outcome(not user.complaints, "; ".join(user.complaints) or f"{lights.count()} lights are shown")
    except Error as error:
        return Outcome(False, error.message.partition("\n")[0])
