"""The web page in a real browser: from an empty machine to a working edge, and what administrators do every day."""

from __future__ import annotations

import asyncio
import threading
from itertools import count
from typing import TYPE_CHECKING

import pytest
import yaml

from lab.peers.address import Hop
from lab.peers.endpoint import NoAnswerError
from lab.peers.phone import Line, Phone
from lab.topologies import EDGE_PUBLIC
from tests.engine.office import BRANCH, HQ, MARKS
from tests.engine.page_place import (
    HOSTILE,
    LOAD_PORT,
    PASSWORD,
    URL,
    House,
    call_hostile,
    calls,
    house,
    loaded_pbx,
    set_up,
    violations,
)
from tests.engine.stun_server import SERVER, stun_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

pytestmark = MARKS

PAGES = (
    *("/", "/pbxs", "/pbxs/hq", "/pbxs/+add", "/trunks", "/trunks/+add", "/certificates", "/firewall", "/firewall/ufw"),
    *("/configuration", "/history", "/history/2", "/people", "/audit", "/nothing"),
    *("/calls", "/calls?pbx=hq", "/records", "/logs", "/bans", "/whitelist", "/evidence?network=203.0.113.9"),
)
#: The edge forgets a flow only after a while.
_ports = count(5060)


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
    page.evaluate("scrollTo(0, 0)")
    made.shot(page, "first-run", documented=True)
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


def _registers(place: House, domain: str = "example.com", headers: tuple[tuple[str, str], ...] = ()) -> int:
    """A phone at home, in a thread: Playwright's own event loop runs in this one."""
    codes: list[int] = []

    async def register() -> None:
        line = Line("alice", domain, Hop("udp", EDGE_PUBLIC, 5060), "10.0.0.50", port=next(_ports), headers=headers)
        try:
            async with Phone(line, place.net.maker("phone-home")) as phone:
                codes.append((await phone.register()).code)
        except (TimeoutError, NoAnswerError):
            codes.append(0)

    thread = threading.Thread(target=lambda: asyncio.run(register()))
    thread.start()
    thread.join(60)
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
        name = f"{path.strip('/').replace('/', '-') or 'overview'}-{'dark' if dark else 'light'}-{width}"
        place.shot(page, name, documented=path == "/" or name == "configuration-light-1280")
    assert place.user.complaints[before:] == []
    page.context.close()


def test_a_pbx_is_added_foretold_tried_and_removed(place: House, page: Page) -> None:
    page.goto(f"{URL}/pbxs")
    page.get_by_role("link", name="Add a PBX").click()
    page.get_by_label("Short name").fill("branch")
    page.get_by_label("Names").fill("branch.example.com")
    page.get_by_label("Nodes").fill("300.1.1.1")
    page.get_by_role("button", name="Show what would change").click()
    assert page.get_by_label("Nodes").get_attribute("aria-invalid") == "true"
    page.get_by_label("Nodes").fill(f"{BRANCH} weight=70")
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_role("heading", name="What would change").wait_for()
    assert "weight: 70" in page.get_by_label("Difference of the files").inner_text()
    assert "branch" not in place.edge.file.read_text()
    place.shot(page, "pbx-foretold", documented=True)
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="branch", exact=True).click()
    page.get_by_role("button", name="Test it now").click()
    page.get_by_text("answers 200 to OPTIONS").wait_for()
    assert _registers(place, "branch.example.com") == 200
    # Comments of the operator's stay.
    assert "# public name of the edge" in place.edge.file.read_text()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove this PBX").click()
    page.get_by_label("Yes, remove it").check()
    page.get_by_role("button", name="Remove this PBX").click()
    page.get_by_role("link", name="hq", exact=True).wait_for()
    assert not page.get_by_role("link", name="branch", exact=True).is_visible()
    assert _registers(place, "branch.example.com") != 200


def test_of_two_administrators_at_once_one_is_told_and_nothing_is_lost(place: House, page: Page) -> None:
    before = place.edge.status()["generation"]
    other = place.user.page()
    place.log_in(other)
    for one in (page, other):
        one.goto(f"{URL}/configuration")
    for one, line in ((page, "access_log: {megabytes: 9}"), (other, "access_log: {megabytes: 8}")):
        text = one.get_by_label("voxgate.yaml")
        text.fill(text.input_value() + line + "\n")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("heading", name="History").wait_for()
    other.get_by_role("button", name="Apply").click()
    other.get_by_text("Somebody has changed it meanwhile").wait_for()
    assert "megabytes: 8" in other.get_by_label("voxgate.yaml").input_value()
    assert "megabytes: 9" in place.edge.file.read_text()
    assert violations(other) == []
    other.context.close()
    # And back, by the history.
    page.get_by_role("link", name=str(before), exact=True).click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Make it effective again").click()
    page.get_by_role("heading", name="History").wait_for()
    assert "megabytes" not in place.edge.file.read_text()


def test_a_mistake_in_the_file_leads_to_its_line(place: House, page: Page) -> None:
    page.goto(f"{URL}/configuration")
    text = page.get_by_label("voxgate.yaml")
    text.fill(text.input_value() + "colour: blue\n")
    line = text.input_value().count("\n")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name=f"voxgate.yaml:{line}").click()
    area = "document.activeElement"
    assert page.evaluate(f"{area}.value.slice({area}.selectionStart, {area}.selectionEnd)") == "colour: blue"
    assert "colour" not in place.edge.file.read_text()


def test_what_happens_is_shown_without_a_reload_and_by_keyboard(place: House, page: Page) -> None:
    page.get_by_text("all is well").wait_for()
    added = place.edge.command("pbx", "add", "late", "names=[late.example.com]", f"nodes=[{BRANCH}]")
    assert added.code == 0, added.err
    page.locator(".boards").get_by_text("late").wait_for()
    # Skip link, navigation, the switch of colours: all of it without a mouse.
    page.goto(f"{URL}/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.get_by_role("button", name="Colours").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert place.edge.command("pbx", "remove", "late", "--yes").code == 0


def test_what_strangers_send_is_text_on_every_page(place: House, page: Page) -> None:
    assert _registers(place, headers=(("User-Agent", HOSTILE), ("X-Note", HOSTILE))) == 200
    call_hostile(place)
    stranger = place.user.page()
    stranger.goto(f"{URL}/login")
    stranger.get_by_label("User").fill(HOSTILE)
    stranger.get_by_label("Password").fill("x")
    stranger.get_by_role("button", name="Log in").click()
    stranger.get_by_text("is wrong").wait_for()
    page.goto(f"{URL}/")
    links = page.locator("nav.places a").evaluate_all("links => links.map(link => link.href)")
    for link in links:
        page.goto(link)
        assert page.locator("img[src=x]").count() == 0, link
        assert "<script>alert" not in page.locator("main").inner_html(), link
    stranger.context.close()


def test_a_page_of_somebody_elses_changes_nothing(place: House, page: Page) -> None:
    page.goto(f"data:text/html,<form method=post action='{URL}/logout'><button>Go</button></form>")
    page.get_by_role("button", name="Go").click()
    page.wait_for_url(f"{URL}/**")
    page.goto(f"{URL}/")
    assert page.get_by_role("heading", name="Overview").is_visible()


def test_calls_do_not_feel_who_watches(place: House, page: Page) -> None:
    added = place.edge.command(
        "pbx", "add", "busy", "names=[busy.example.com]", f"nodes=[{BRANCH}]", f"sip.udp={LOAD_PORT}"
    )
    assert added.code == 0, added.err
    watching = [place.user.page() for _ in range(3)]
    for one in watching:
        place.log_in(one)
    with loaded_pbx(place):
        place.edge.wait_for_node(BRANCH, "up")
        good, failed = calls(place, "busy.example.com", many=200, per_s=40)
    assert (good, failed) == (200, 0)
    for one in (page, *watching):
        one.bring_to_front()
        assert one.locator(".boards").get_by_text("busy").is_visible()
        assert not one.locator("[data-trouble]").is_visible()
    for one in watching:
        one.context.close()
    assert place.edge.command("pbx", "remove", "busy", "--yes").code == 0
