"""The web page in a real browser: from an empty machine to a working edge, and what administrators do every day."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
import yaml

from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.topologies import EDGE_PUBLIC
from tests.engine.office import HQ, MARKS
from tests.engine.page_place import PASSWORD, URL, House, house, set_up, violations
from tests.engine.test_wizard import SERVER, stun_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

pytestmark = MARKS

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
PAGES = ("/", "/pbxs", "/pbxs/hq", "/pbxs/+add", "/trunks/+add", "/configuration", "/history", "/history/1")


@pytest.fixture(scope="module")
def place() -> Iterator[House]:
    """Set up by the browser alone."""
    with house() as made, stun_server(made.net):
        page = made.user.page()
        _first_run(made, page)
        page.context.close()
        yield made


def _first_run(made: House, page: Page) -> None:
    set_up(made, page)
    assert violations(page) == []
    # Nothing is written while something is wrong, and each mistake stands at its field.
    page.get_by_label("Public name of this edge").fill("not a name")
    page.get_by_label("Its address").fill("192.168.1.99")
    page.get_by_role("button", name="Write it, and start the edge").click()
    for name in ("Public name of this edge", "Its address"):
        assert page.get_by_label(name).get_attribute("aria-invalid") == "true", name
    assert not made.edge.file.exists()
    assert violations(page) == []
    # What is found out is shown at once, and what was typed stays.
    page.get_by_label("STUN server").fill("{}:{}".format(*SERVER))
    page.get_by_role("button", name="Find the public address").click()
    page.get_by_text(f"The internet sees this machine as {EDGE_PUBLIC}").wait_for()
    page.get_by_label("Its address").fill(HQ)
    page.get_by_role("button", name="Try the PBX").click()
    page.get_by_text(f"{HQ} answers: 200 to OPTIONS").wait_for()
    page.get_by_label("Public name of this edge").fill("proxy.example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    made.shot(page, "first-run")
    # A port that is held is told before anything is written.
    with made.net.socket("edge") as holder:
        holder.bind(("0.0.0.0", 5060))
        page.get_by_role("button", name="Write it, and start the edge").click()
        page.get_by_text("port 5060").wait_for()
    assert not made.edge.file.exists()
    # Where the engines do not start, it is asked again, and nothing is lost but passwords.
    with made.net.socket("edge") as holder:
        holder.bind(("127.0.0.1", 2223))
        _begin(page)
        page.get_by_text("The edge did not start").wait_for(timeout=60_000)
    assert not made.edge.file.exists()
    assert page.get_by_label("Its address").input_value() == HQ
    _begin(page)
    page.get_by_role("heading", name="Log in").wait_for(timeout=60_000)


def _begin(page: Page) -> None:
    """With a password, as far as one is asked for; the configuration is written."""
    for name in ("Password", "The same again"):
        if (field := page.get_by_label(name)).is_visible():
            field.fill(PASSWORD)
    page.get_by_role("button", name="Write it, and start the edge").click()
    page.get_by_text("the engines start").wait_for()


@pytest.fixture
def page(place: House) -> Iterator[Page]:
    """A browser where the administrator is logged in; nothing in it may complain."""
    before = len(place.user.complaints)
    made = place.user.page()
    place.log_in(made)
    yield made
    made.context.close()
    assert place.user.complaints[before:] == []


def test_a_browser_alone_leads_from_nothing_to_an_edge_that_serves_phones(place: House, page: Page) -> None:
    written = yaml.safe_load(place.edge.file.read_text())
    assert written["edge"] == {"domain": "proxy.example.com", "interface": "eth0", "public_address": [EDGE_PUBLIC]}
    assert (written["admin"], "certificates" in written) == ({"listen": URL.removeprefix("https://")}, False)
    assert written["pbxs"]["hq"]["nodes"] == [HQ]
    assert _registers(place) == 200
    page.get_by_text("all is well").wait_for()
    # The one-time token is of no use any more.
    stranger = place.user.page()
    stranger.goto(place.edge.address)
    assert stranger.get_by_role("heading", name="Log in").is_visible()
    stranger.context.close()


def _registers(place: House) -> int:
    """A phone at home, in a thread: Playwright's own event loop runs in this one."""
    codes: list[int] = []

    async def register() -> None:
        line = Line("alice", "example.com", Hop("udp", EDGE_PUBLIC, 5060), "10.0.0.50")
        async with Phone(line, place.net.maker("phone-home")) as phone:
            codes.append((await phone.register()).code)

    thread = threading.Thread(target=lambda: asyncio.run(register()))
    thread.start()
    thread.join(30)
    return codes[0]


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 390)])
def test_every_page_is_free_of_barriers_in_both_themes_narrow_and_wide(place: House, dark: bool, width: int) -> None:
    page = place.user.page(dark=dark, width=width)
    before = len(place.user.complaints)
    place.log_in(page)
    for path in PAGES:
        page.goto(URL + path)
        assert violations(page) == [], path
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
        place.shot(page, f"{path.strip('/').replace('/', '-') or 'overview'}-{'dark' if dark else 'light'}-{width}")
    assert place.user.complaints[before:] == []
    page.context.close()
