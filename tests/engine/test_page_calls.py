"""What administrators look at every day, in a real browser, while a hostile phone really calls."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from lab.topologies import EDGE_LAN, EDGE_PUBLIC
from lab.webuser import WebUser
from tests.engine.admin_place import PASSWORD, PORT, Place
from tests.engine.attackers import request
from tests.engine.office import MARKS, Office, config, office
from tests.engine.page_place import SHOTS, shot, violations
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

pytestmark = MARKS

URL = f"https://{EDGE_LAN}:{PORT}"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"
HOME = "203.0.113.77"


@dataclass
class Desk:
    """An office, and who looks at its pages."""

    office: Office
    user: WebUser

    def page(self, name: str = "otto") -> Page:
        """A browser in which somebody is logged in; a dialog is what scripts of strangers open."""
        page = self.user.page()
        page.on("dialog", lambda dialog: self.user.complaints.append(f"a script ran: {dialog.message}"))
        page.goto(f"{URL}/login")
        page.get_by_label("User").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Overview").wait_for()
        return page


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    made = config(admin={"listen": f"0.0.0.0:{PORT}"}, records={"trace": {"messages_per_second": 5000}})
    with office(made) as place:
        place.edge.wait_for_log("admin_listens")
        Place(place.net, place.edge, place.folder).user("otto", "operator")
        until_captured(place)
        with WebUser(place.net, "pbx-hq-b", place.folder, {}) as user:
            yield Desk(place, user)
            assert user.complaints == []


def until_captured(place: Office) -> None:
    """SIP is captured from a second after the edge has begun."""

    async def scene() -> bool:
        async with place.phone() as phone:
            await phone.register()
            return bool((await place.ask("trace", phone._register_id)).code == 0)

    until(lambda: asyncio.run(scene()))


@contextmanager
def call_of(place: Office, name: str, agent: str) -> Iterator[str]:
    """A call of a phone that says so of itself; gives its Call-ID. In a thread: Playwright's own event loop runs in
    this one.
    """
    running, over, call_id = threading.Event(), threading.Event(), f"{name}@x"

    async def scene() -> None:
        phone = place.phone()
        phone.line = replace(phone.line, headers=(("User-Agent", agent),))
        async with phone:
            call, invite = await phone.prepare("600")
            sender = f'"{name}" {invite.get("From")}'
            others = tuple(pair for pair in invite.headers if pair[0] not in {"From", "Call-ID"})
            headers = (*others, ("From", sender), ("Call-ID", call_id))
            await phone.place(call, replace(invite, headers=headers))
            assert call.ended_by == ""
            running.set()
            await asyncio.to_thread(over.wait, 60)
            await call.bye()

    thread = threading.Thread(target=lambda: asyncio.run(scene()))
    thread.start()
    try:
        assert running.wait(30)
        yield call_id
    finally:
        over.set()
        thread.join(30)


def test_a_hostile_call_is_followed_live_and_afterwards_as_text(desk: Desk) -> None:
    page = desk.page()
    with call_of(desk.office, EVIL, EVIL) as call_id:
        page.goto(f"{URL}/calls")
        row = page.get_by_role("row").filter(has_text="alice")
        expect(row).to_contain_text(EVIL)
        # It lives: packets of both sides are counted without anybody's doing.
        expect(row).to_contain_text("sends 1")
        first = row.inner_text()
        expect(row).not_to_have_text(first)
        assert violations(page) == []
        page.goto(f"{URL}/calls?number=alice")
        expect(page.get_by_role("row").filter(has_text=EVIL)).to_be_visible()
        page.goto(f"{URL}/calls")
        expect(page.get_by_role("row").filter(has_text="alice")).to_be_visible()
    expect(page.get_by_text("No call runs.")).to_be_visible()

    page.goto(f"{URL}/records")
    row = page.get_by_role("row").filter(has_text="alice").first
    expect(row).to_contain_text(EVIL)
    with page.expect_download() as download:
        page.get_by_role("link", name="Table (CSV)").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(), newline="")))
    assert (rows[0]["call_id"], rows[0]["user_agent"]) == (call_id, EVIL)
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Why")).to_be_visible()
    expect(page.get_by_text("Nothing is wrong with it.")).to_be_visible()
    message = page.get_by_role("row").filter(has_text="INVITE (SDP)").first
    message.locator("summary").click()
    expect(message.locator("pre")).to_contain_text(f"User-Agent: {EVIL}")
    assert violations(page) == []
    page.get_by_role("link", name="Log of this call").click()
    expect(page.get_by_role("heading", name="Log")).to_be_visible()
    expect(page.get_by_label("Call", exact=True)).to_have_value(call_id)
    page.context.close()


@pytest.mark.skipif(not SHOTS, reason="no pictures are wanted")
def test_an_ordinary_call_is_pictured(desk: Desk) -> None:
    page = desk.page()
    page.set_viewport_size({"width": 1280, "height": 760})
    with call_of(desk.office, "Alice", "Deskphone/2.1"):
        page.goto(f"{URL}/calls")
        expect(page.get_by_role("row").filter(has_text="Alice")).to_contain_text("sends 1")
        shot(page, "calls", documented=True)
    expect(page.get_by_text("No call runs.")).to_be_visible()
    page.goto(f"{URL}/records")
    page.get_by_role("row").filter(has_text="Alice").first.get_by_role("link").click()
    message = page.get_by_role("row").filter(has_text="INVITE (SDP)").first
    expect(message).to_be_visible()
    shot(page, "call", documented=True)
    message.scroll_into_view_if_needed()
    shot(page, "ladder")
    page.context.close()


def test_somebody_is_shut_out_looked_at_and_moved_by_one_click_each(desk: Desk) -> None:
    page = desk.page()
    page.goto(f"{URL}/bans")
    page.get_by_label("Address or network").fill("198.51.100.7")
    page.get_by_label("Minutes").fill("90")
    page.get_by_label("Note").fill(EVIL)
    page.get_by_role("button", name="Shut out").click()
    row = page.get_by_role("row").filter(has_text="198.51.100.7")
    expect(row).to_contain_text("in 1 h")
    expect(row).to_contain_text(EVIL)
    assert violations(page) == []
    row.get_by_role("link").click()
    expect(page.get_by_text("shut out", exact=True)).to_be_visible()
    page.get_by_role("button", name="Never ban").click()
    expect(page.get_by_text("Nobody is shut out.")).to_be_visible()
    page.goto(f"{URL}/whitelist?q=198.51.100.7")
    page.get_by_role("row").filter(has_text="198.51.100.7").get_by_role("button", name="Take off").click()
    expect(page.get_by_role("row").filter(has_text="198.51.100.7")).to_have_count(0)
    # A PBX is never shut out: that is said, and nothing is changed.
    page.goto(f"{URL}/bans")
    page.get_by_label("Address or network").fill("192.168.1.20")
    page.get_by_role("button", name="Shut out").click()
    expect(page.get_by_role("alert").filter(has_text="192.168.1.20")).to_be_visible()
    page.context.close()


def test_the_log_is_searched_by_address(desk: Desk) -> None:
    with desk.office.net.socket("phone-home") as sock:
        sock.sendto(request(domain="nowhere.example"), (EDGE_PUBLIC, 5060))
    page = desk.page()
    page.goto(f"{URL}/logs")
    page.get_by_label("Address").fill(HOME)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("row").filter(has_text=HOME).first).to_be_visible()
    page.get_by_label("Address").fill("203.0.113.7")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No such line is kept.")).to_be_visible()
    page.context.close()
