"""PBXs and trunks on pages: what a form means, where its mistakes are shown, who may, and what goes to the edge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.admin.page_place import Place, configured
from voxgate.admin.page import fields, pbxs, trunks
from voxgate.admin.page.changing import diff_lines
from voxgate.admin.page.forms import Form
from voxgate.admin.problems import WhereBody
from voxgate.errors import ConfigError, Problem
from voxgate.supervise.control import Told
from voxgate.supervise.editing import DangerError, StaleError
from voxgate.wire.admin_request import Change, EditRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

TEXT = """edge: {domain: edge.example.com}
pbxs:
  hq:
    names: [example.com]
    nodes: [192.0.2.20, {address: 192.0.2.21, weight: 5}]
    http: {plain: 80, allow_urls: ["@everything"]}
trunks:
  carrier:
    addresses: [198.51.100.7]
    pbxs: [hq]
    register: {server: sip.example.net, user: "0555", password: !secret carrier}
    dids: {"0555X": hq, "0777.": {pbx: hq, timeout_seconds: 2}}
"""
ADDED = {"etag": "none", "name": "branch", "names": "branch.example.com", "nodes": "192.0.2.30 weight=7", "rest": ""}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = configured(tmp_path, TEXT)
    made.desk.answers[EditRequest] = _done
    return made


def _done(request: EditRequest) -> Told:
    plan = {"changes": [{"sentence": "add PBX branch", "effect": "none"}], "steps": [], "dangers": []}
    if request.dry:
        return Told({**plan, "yaml_diff": "+  branch:\n", "etag": "x"}, "")
    return Told({"result": "applied", "generation": 8, "plan": plan}, "")


def run(what: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(what())  # type: ignore[arg-type]


def asked(place: Place) -> list[Any]:
    return [request for _, request in place.desk.asked if isinstance(request, EditRequest)]


@pytest.mark.parametrize(
    ("known", "value"),
    [
        (pbxs.FIELDS, {"names": ["a.example", "b.example"], "nodes": ["192.0.2.1"], "sip": {"udp": 5060}}),
        (pbxs.FIELDS, {"nodes": [{"address": "192.0.2.1", "weight": 5, "priority": 2}], "topology_hiding": False}),
        (
            pbxs.FIELDS,
            {"sip": {"udp": 5060, "check_certificate": True}, "http": {"plain": 80}, "limits": {"calls": 3}},
        ),
        (
            trunks.FIELDS,
            {"dids": {"0555X": "hq", "0777.": {"pbx": "hq", "timeout_seconds": 2}}, "prefixes": ["00", "+"]},
        ),
        (trunks.FIELDS, {"register": {"user": "0555", "password": {"$secret": "carrier"}, "expires_seconds": 90}}),
        (trunks.FIELDS, {"tls": {"key": {"$secret": "key"}}}),
        (trunks.FIELDS, {}),
    ],
)
def test_what_a_form_shows_it_means(known: tuple[fields.Field, ...], value: dict[str, Any]) -> None:
    texts = fields.shown(known, value)
    form = Form([(f"{name}.kept" if text.startswith("!secret") else name, text) for name, text in texts.items()])
    assert fields.value_of(known, fields.typed(known, form)) == value


def test_what_is_not_understood_is_given_on_to_be_told_at_its_field() -> None:
    value = fields.value_of(pbxs.FIELDS, {"sip.udp": "five", "nodes": "a b=c\n{broken", "balance": "x"})
    assert value == {"sip": {"udp": "five"}, "nodes": [{"address": "a", "b": "c"}, "{broken"], "balance": "x"}
    with pytest.raises(ConfigError):
        fields.value_of(pbxs.FIELDS, {"rest": "a: [b"})


def test_each_problem_is_shown_at_its_field_and_none_is_lost() -> None:
    keys = ("pbxs.hq.names[0]", "pbxs.hq.sip.udp", "pbxs.hq.colour", "pbxs.hqx.names", "edge.domain", "pbxs.hq.names")
    found = [WhereBody(file="f", line=1, key=key, message=key, advice="do") for key in keys]
    wrong, others = fields.placed(pbxs.FIELDS, ("pbxs", "hq"), found)
    assert wrong == {
        "names": "pbxs.hq.names[0]: do; pbxs.hq.names: do",
        "sip.udp": "pbxs.hq.sip.udp: do",
    }
    assert [one.key for one in others] == ["pbxs.hq.colour", "pbxs.hqx.names", "edge.domain"]


@pytest.mark.parametrize("sort", [pbxs.SORT, trunks.SORT])
def test_every_field_has_its_keys_own_sentence(sort: Any) -> None:
    assert [one.name for one in sort.fields if not fields.sentence(sort.model, one.path)] == []


def test_a_pbx_is_foretold_and_then_made(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("otto") as browser:
            assert (await browser.get("/pbxs/+add")).status_code == 200
            foretold = await browser.post("/pbxs/+add", data=ADDED | {"do": "plan"})
            assert "add PBX branch" in foretold.text
            assert "192.0.2.30 weight=7" in foretold.text
            done = await browser.post("/pbxs/+add", data=ADDED | {"do": "apply"})
            assert (done.status_code, done.headers["location"]) == (303, "/pbxs")

    run(visit)
    value = {"names": ["branch.example.com"], "nodes": [{"address": "192.0.2.30", "weight": 7}]}
    key = ("pbxs", "branch")
    assert asked(place) == [
        EditRequest((Change(key, value),), "none", key, dry=True),
        EditRequest((Change(key, value),), "none", key, dry=False),
    ]
    assert {by for by, request in place.desk.asked if isinstance(request, EditRequest)} == {"otto"}


def test_lists_and_forms_show_what_is_there(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("otto") as browser:
            text = (await browser.get("/pbxs")).text
            assert "192.0.2.20, 192.0.2.21" in text
            assert "Nothing holds" in (await browser.get("/pbxs?q=nobody")).text
            piece = (await browser.get("/pbxs?q=hq", headers={"HX-Request": "true", "HX-Target": "list"})).text
            assert ("<html" in piece, "hq" in piece) == (False, True)
            form = (await browser.get("/pbxs/hq")).text
            assert "192.0.2.21 weight=5" in form
            assert "plain: 80" in form
            trunk = (await browser.get("/trunks/carrier")).text
            assert "0777. {&#34;pbx&#34;: &#34;hq&#34;" in trunk
            assert 'name="register.password.kept" value="!secret carrier"' in trunk
            assert (await browser.get("/pbxs/nobody")).status_code == 404
            assert (await browser.get("/pbxs/..%2f..%2fetc")).status_code == 404

    run(visit)


def test_mistakes_dangers_and_other_peoples_changes_leave_what_was_typed(place: Place) -> None:
    errors = [
        ConfigError((Problem("voxgate.yaml", 4, "pbxs.branch.nodes[0]", "no address", "write one"),)),
        StaleError("somebody has changed it meanwhile\n    look again"),
    ]

    def refuse(_: EditRequest) -> Told:
        raise errors.pop(0)

    place.desk.answers[EditRequest] = refuse

    async def visit() -> None:
        async with place.browser("otto") as browser:
            wrong = await browser.post("/pbxs/+add", data=ADDED | {"do": "apply"})
            assert (wrong.status_code, "no address: write one" in wrong.text) == (422, True)
            assert "branch.example.com" in wrong.text
            stale = await browser.post("/pbxs/+add", data=ADDED | {"do": "apply"})
            assert (stale.status_code, "Somebody has changed it" in stale.text) == (412, True)
            name = await browser.post("/pbxs/+add", data=ADDED | {"do": "apply", "name": "Not A Name"})
            assert (name.status_code, 'id="f-name-wrong"' in name.text) == (422, True)

    run(visit)


def test_a_danger_needs_a_word(place: Place) -> None:
    class Dangerous:
        dangers = ("calls of hq end",)

    def refuse(request: EditRequest) -> Told:
        if request.yes:
            return _done(request)
        raise DangerError(Dangerous())  # type: ignore[arg-type]

    place.desk.answers[EditRequest] = refuse

    async def visit() -> None:
        async with place.browser("otto") as browser:
            form = {"etag": "x", "removes": "1", "do": "apply"}
            asks = await browser.post("/pbxs/hq", data=form)
            assert (asks.status_code, "calls of hq end" in asks.text) == (409, True)
            assert (await browser.post("/pbxs/hq", data=form | {"yes": "1"})).status_code == 303

    run(visit)
    key = ("pbxs", "hq")
    assert asked(place)[-1] == EditRequest((Change(key, remove=True),), "x", key, dry=False, yes=True)


def test_who_may_look_may_not_change(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("rita") as browser:
            assert "Add a PBX" not in (await browser.get("/pbxs")).text
            assert ">Apply<" not in (await browser.get("/pbxs/hq")).text
            for path in ("/pbxs/+add", "/pbxs/hq", "/trunks/carrier", "/pbxs/hq/test"):
                assert (await browser.post(path, data=ADDED | {"do": "apply"})).status_code == 403
            assert (await browser.get("/pbxs/+add")).status_code == 403

    run(visit)
    assert asked(place) == []


def test_a_password_is_kept_beside_the_configuration_and_never_shown(place: Place) -> None:
    form = {"etag": "none", "name": "new", "server": "sip.example.org", "register.user": "0556"}
    form |= {"register.password": "s3cret word", "do": "plan", "rest": ""}

    async def visit() -> None:
        async with place.browser("otto") as browser:
            assert (await browser.post("/trunks/+add", data=form)).status_code == 403
        async with place.browser("alice") as browser:
            foretold = (await browser.post("/trunks/+add", data=form)).text
            assert ("s3cret" in foretold, 'value="!secret new-1"' in foretold) == (False, True)

    run(visit)
    kept = place.main.parent / "secrets" / "new-1"
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("s3cret word", 0o600)
    assert asked(place)[-1].changes[0].value["register"] == {"user": "0556", "password": {"$secret": "new-1"}}


def test_a_difference_is_told_line_by_line() -> None:
    text = "--- now\n+++ then\n@@ -1 +1 @@\n same\n-old\n+new\n"
    assert [kind for kind, _ in diff_lines(text)] == ["where", "where", "where", "same", "gone", "added"]
