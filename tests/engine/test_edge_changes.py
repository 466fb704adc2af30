"""plan, apply, rollback, history and status of a running edge, through the command, with calls in progress."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

import pytest

from lab.peers.endpoint import NoAnswerError
from lab.topologies import EDGE_LAN
from tests.engine.office import (
    BRANCH_TONE_HZ,
    HQ_TONE_HZ,
    MARKS,
    Office,
    at_now,
    config,
    hears,
    office,
    until,
    with_branch,
)

pytestmark = MARKS


def pids(place: Office) -> dict[str, int]:
    return {engine["name"]: engine["pid"] for engine in place.edge.status()["engines"]}


def asked(place: Office, *words: str) -> Any:
    """The JSON answer of a verb that ends well."""
    done = place.edge.command(*words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


async def reaches(place: Office, domain: str, tone_hz: int) -> None:
    """A call to a number in the domain is answered by the PBX that plays this tone."""
    async with place.phone(domain=domain) as phone:
        assert (await phone.register()).code == 200
        call = await phone.dial("600")
        await hears(call, tone_hz, 0.5)
        assert await call.bye() == 200


async def no_service(place: Office, domain: str) -> None:
    """A domain that nobody owns gets no answer at all."""
    async with place.phone(domain=domain) as phone:
        with pytest.raises(NoAnswerError):
            await phone.dial("600", timeout_s=3)


def test_a_pbx_is_added_during_a_call_without_a_restart_and_taken_away_by_rollback() -> None:
    async def scene(place: Office) -> None:
        async with place.phone() as phone:
            await phone.register()
            call = await phone.dial("600")
            await hears(call, HQ_TONE_HZ, 0.5)
            since, before = at_now(call), await asyncio.to_thread(pids, place)
            await asyncio.to_thread(place.edge.write, with_branch())
            plan = await place.ask("plan")
            assert plan.code == 0
            assert "+ adds PBX branch: 1 service name, 1 node" in plan.out
            assert "restart" not in plan.out
            applied = await place.ask("apply")
            assert (applied.code, "Generation 2 runs." in applied.out) == (0, True)
            await hears(call, HQ_TONE_HZ, since=since)
            assert await asyncio.to_thread(pids, place) == before
            assert await call.bye() == 200
        await reaches(place, "branch.example.com", BRANCH_TONE_HZ)
        # A name that loses its service needs the word of the operator, in a rollback as well.
        refused = await place.ask("rollback")
        assert refused.code == 2
        assert "removes PBX branch: 1 name gets no service" in refused.err
        back = await place.ask("rollback", "--yes")
        assert back.code == 0, back.err
        assert "voxgate.yaml is that of generation 1 again" in back.out
        assert await asyncio.to_thread(pids, place) == before

    with office(branch=True) as place:
        first = place.edge.file.read_text()
        asyncio.run(no_service(place, "branch.example.com"))
        asyncio.run(scene(place))
        assert place.edge.file.read_text() == first
        asyncio.run(no_service(place, "branch.example.com"))
        asyncio.run(reaches(place, "example.com", HQ_TONE_HZ))


def test_another_tls_port_restarts_kamailio_alone_and_the_call_goes_on() -> None:
    async def scene(place: Office) -> None:
        async with place.phone() as phone:
            await phone.register()
            call = await phone.dial("600")
            await hears(call, HQ_TONE_HZ, 0.5)
            since, before = at_now(call), await asyncio.to_thread(pids, place)
            await asyncio.to_thread(place.edge.write, config(listen={"sip": {"udp": 5060, "tcp": 5060, "tls": 5071}}))
            applied = await place.ask("apply", "--yes")
            assert applied.code == 0, applied.err
            assert "moves SIP/TLS from port 5061 to port 5071" in applied.out
            assert "calls go on" in applied.out
            await hears(call, HQ_TONE_HZ, since=since)
            after = await asyncio.to_thread(pids, place)
            assert (after["rtpengine"], after["kamailio"] != before["kamailio"]) == (before["rtpengine"], True)
            assert await call.bye() == 200

    with office() as place:
        asyncio.run(scene(place))
        listeners = [(one["proto"], one["address"], one["port"]) for one in place.edge.status()["listeners"]]
        assert ("tls", EDGE_LAN, 5071) in listeners
        assert not any(port == 5061 for _, _, port in listeners)


def test_other_media_ports_cost_calls_their_audio_and_need_the_operators_word() -> None:
    moved = config(media={"ports": "12000-13000"})
    with office() as place:
        before = pids(place)
        refused = place.edge.apply(moved)
        assert (refused.code, refused.out) == (2, "")
        assert "rtpengine restarts, calls in progress lose audio" in refused.err
        assert "Nothing was changed. Repeat with --yes if this is what you want." in refused.err
        assert pids(place) == before
        done = json.loads(place.edge.apply(moved, "--yes", "--json").out)
        assert (done["result"], done["generation"]) == ("applied", 2)
        after = pids(place)
        assert (after["kamailio"], after["rtpengine"] != before["rtpengine"]) == (before["kamailio"], True)
        assert place.edge.status()["media_ports"] == "12000-13000"


def test_a_file_edited_by_hand_is_drift_and_apply_puts_it_right() -> None:
    with office() as place:
        file = place.folder / "run/kamailio/dispatcher.list"
        good = file.read_bytes()
        file.write_text("# edited by hand\n")
        status = place.edge.command("status")
        assert status.code == 1
        assert "kamailio/dispatcher.list was changed by hand; `voxgate apply` puts it right" in status.out
        plan = place.edge.command("plan")
        assert "kamailio: reload dispatcher (dispatcher.list), though the configuration is the same" in plan.out
        before = pids(place)
        assert place.edge.command("apply").code == 0
        assert file.read_bytes() == good
        assert pids(place) == before
        assert place.edge.status()["drift"] == []


def test_the_answers_of_all_verbs_are_json_with_the_documented_keys() -> None:
    with office(branch=True) as place:
        place.edge.write(with_branch())
        plan = asked(place, "plan")
        assert set(plan) == {"generation", "nothing_to_do", "changes", "steps", "dangers"}
        assert (plan["generation"], plan["nothing_to_do"], plan["dangers"]) == (2, False, [])
        assert {"kind", "key", "sentence", "effect"} == set(plan["changes"][0])
        assert {"engine", "action", "write", "remove", "because", "effect"} == set(plan["steps"][0])
        assert {"engine", "path", "diff"} == set(asked(place, "plan", "--diff")["file_diffs"][0])
        applied = asked(place, "apply")
        assert set(applied) == {"plan", "result", "generation", "at", "reason", "failures"}
        assert (applied["result"], applied["generation"]) == ("applied", 2)
        assert asked(place, "plan")["nothing_to_do"] is True
        history = asked(place, "history")
        assert history["running"] == 2
        assert [(one["generation"], one["verb"], one["outcome"]) for one in history["generations"]] == [
            (1, "run", "applied"),
            (2, "apply", "applied"),
        ]
        status = asked(place, "status")
        assert {"pbx", "address", "port", "transport", "state", "since"} == set(status["nodes"][0])
        assert (status["overall"], status["generation"], status["certificate"]["self_signed"]) == ("ok", 2, True)
        rolled = asked(place, "rollback", "1", "--yes")
        assert (rolled["result"], rolled["generation"]) == ("applied", 3)


def test_edits_that_were_never_applied_stop_a_rollback_until_it_is_forced() -> None:
    with office() as place:
        assert place.edge.apply(with_branch()).code == 0
        place.edge.write(config(media={"ports": "12000-13000"}))
        refused = place.edge.command("rollback", "1", "--yes")
        assert refused.code == 2
        assert "edits that were never applied would be lost" in refused.err
        assert "roll back with --force, which keeps them in the history" in refused.err
        assert place.edge.command("rollback", "1", "--yes", "--force").code == 0
        assert place.edge.status()["generation"] == 4
        assert "edits kept before a rollback" in place.edge.command("history").out


def test_words_that_mean_nothing_are_refused_with_exit_code_2() -> None:
    with office() as place:
        for words, said in [
            (("rollback", "99"), "there is no generation 99"),
            (("rollback",), "there is no generation before this one"),
            (("apply", "/nowhere.yaml"), "/nowhere.yaml is not there"),
            (("plan", "/nowhere.yaml"), "`voxgate init` writes a first one"),
        ]:
            done = place.edge.command(*words)
            assert (done.code, done.out) == (2, ""), words
            assert said in done.err


def test_sighup_applies_what_is_safe_and_leaves_the_rest_to_the_command() -> None:
    with office(branch=True) as place:
        place.edge.write(with_branch())
        os.kill(place.edge.pid, signal.SIGHUP)
        asyncio.run(until(lambda: "applied_on_signal" in place.edge.text(), 40))
        assert place.edge.status()["generation"] == 2
        asyncio.run(reaches(place, "branch.example.com", BRANCH_TONE_HZ))
        place.edge.write(with_branch(media={"ports": "12000-13000"}))
        os.kill(place.edge.pid, signal.SIGHUP)
        asyncio.run(until(lambda: "not_applied_on_signal" in place.edge.text(), 40))
        place.edge.write("edge: [\n")
        os.kill(place.edge.pid, signal.SIGHUP)
        asyncio.run(until(lambda: place.edge.text().count("not_applied_on_signal") == 2, 40))
        assert place.edge.status()["generation"] == 2
