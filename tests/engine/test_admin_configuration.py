"""The configuration of a running edge, changed through its API: one path, one history, and two people at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.engine.admin_place import PORT, Place, running
from tests.engine.office import BRANCH, HQ, MARKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = MARKS

NEW = {"names": ["branch.example.com"], "nodes": [BRANCH], "balance": "weight"}


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def admin(place: Place) -> Iterator[httpx.Client]:
    with place.client(place.token("admin")) as client:
        yield client


def etag(client: httpx.Client, path: str) -> dict[str, str]:
    """What `If-Match` has to bring."""
    return {"If-Match": client.get(path).headers["ETag"]}


def generation(place: Place) -> int:
    """The one that runs."""
    found: int = place.edge.status()["generation"]
    return found


def test_a_pbx_is_added_changed_and_removed_and_comments_stay(place: Place, admin: httpx.Client) -> None:
    text = place.edge.file.read_text()
    place.edge.file.write_text("# our edge\n" + text.replace("  hq:\n", "  hq:  # head office\n"))
    before = generation(place)
    path = "/api/v1/pbxs/branch"
    foretold = admin.put(path, json=NEW, headers={"If-None-Match": "*"}, params={"dry_run": True}).json()
    assert (foretold["result"], generation(place)) == ("planned", before)
    assert "branch.example.com" in foretold["yaml_diff"]
    assert admin.get(path).status_code == 404
    made = admin.put(path, json=NEW, headers={"If-None-Match": "*"})
    assert (made.status_code, made.json()["result"], made.json()["generation"]) == (200, "applied", before + 1)
    assert generation(place) == before + 1
    assert {node["pbx"] for node in place.edge.status()["nodes"]} == {"hq", "branch"}
    assert admin.put(path, json=NEW, headers={"If-None-Match": "*"}).status_code == 412
    changed = admin.put(path, json=NEW | {"balance": "priority"}, headers={"If-Match": made.headers["ETag"]})
    assert changed.json()["result"] == "applied"
    assert admin.get(path).json()["value"]["balance"] == "priority"
    written = place.edge.file.read_text()
    assert written.startswith("# our edge\n")
    assert "hq:  # head office" in written
    refused = admin.delete(path, headers=etag(admin, path))
    assert (refused.status_code, "branch" in refused.json()["detail"]) == (409, True)
    assert admin.delete(path, headers=etag(admin, path), params={"yes": True}).json()["result"] == "applied"
    assert admin.get(path).status_code == 404
    audit = admin.get("/api/v1/audit", params={"limit": 2}).json()
    assert [(one["who"], one["action"], one["target"], one["result"]) for one in audit] == [
        ("token:test-admin", "config.edit", "-pbxs.branch", "done"),
        ("token:test-admin", "config.edit", "-pbxs.branch", "refused"),
    ]
    history = json.loads(place.edge.command("history", "--json").out)["generations"][-1]
    assert (history["by"], history["verb"], history["outcome"]) == ("token:test-admin", "edit", "applied")


def test_every_mistake_comes_at_once_with_line_and_key_and_nothing_is_changed(
    place: Place, admin: httpx.Client
) -> None:
    text, before = place.edge.file.read_text(), generation(place)
    wrong = {"names": ["ex ample"], "nodes": ["300.1.1.1"], "colour": 1, "register": "plain"}
    refused = admin.put("/api/v1/pbxs/bad", json=wrong, headers={"If-None-Match": "*"})
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    problems = refused.json()["problems"]
    keys = {one["key"] for one in problems}
    assert {"pbxs.bad.names[0]", "pbxs.bad.nodes[0]", "pbxs.bad.colour", "pbxs.bad.register"} <= keys
    assert all(one["line"] > 1 and one["advice"] and one["file"] == "voxgate.yaml" for one in problems)
    assert (place.edge.file.read_text(), generation(place)) == (text, before)
    clash = {"admin": {"listen": "0.0.0.0:5060"}}
    refused = admin.put("/api/v1/config/admin", json=clash["admin"], headers=etag(admin, "/api/v1/config/admin"))
    assert [(one["key"]) for one in refused.json()["problems"]] == ["admin.listen"]


def test_of_two_people_at_once_one_is_told_to_look_again_and_other_things_are_free(
    place: Place, admin: httpx.Client
) -> None:
    path = "/api/v1/pbxs/hq"
    seen = etag(admin, path)
    value = admin.get(path).json()["value"]

    def change(calls: int) -> int:
        with place.client(token) as client:
            wish = value | {"limits": {"calls": calls}}
            return client.put(path, json=wish, headers=seen).status_code

    token = place.token("operator")
    with ThreadPoolExecutor(4) as pool:
        codes = sorted(pool.map(change, range(50, 54)))
    # Who comes while another one is at it is told so (503), who comes later has seen an old one (412).
    assert codes.count(200) == 1
    assert set(codes) <= {200, 412, 503}
    assert change(99) == 412
    assert admin.get(path).json()["value"]["limits"]["calls"] in range(50, 54)
    health = etag(admin, "/api/v1/config/health")
    assert admin.put(path, json=value, headers=etag(admin, path)).status_code == 200
    # Another section has another version.
    done = admin.put("/api/v1/config/health", json={"interval_seconds": 2}, headers=health)
    assert done.json()["result"] == "applied"
    assert admin.put(path, json=value).status_code == 428


def test_the_whole_configuration_is_replaced_and_taken_back(place: Place, admin: httpx.Client) -> None:
    whole = admin.get("/api/v1/config")
    files: list[dict[str, Any]] = whole.json()["files"]
    before = generation(place)
    other = [dict(files[0], text=files[0]["text"] + "access_log: {megabytes: 9}\n"), extra("branch")]
    answer = admin.put("/api/v1/config", json={"files": other}, headers={"If-Match": whole.headers["ETag"]})
    assert answer.json()["result"] == "applied", answer.text
    assert (place.folder / "conf.d/branch.yaml").exists()
    assert admin.get("/api/v1/config/running").json()["access_log"]["megabytes"] == 9
    # A PBX in a file of its own is changed there.
    path = "/api/v1/pbxs/branch"
    assert admin.get(path).json()["file"] == "branch.yaml"
    assert admin.put(path, json=NEW, headers=etag(admin, path)).json()["result"] == "applied"
    assert "weight" in (place.folder / "conf.d/branch.yaml").read_text()
    for escape in ("../evil.yaml", "/etc/evil.yaml", "conf.d/../../evil.yaml", "conf.d/evil.sh", "other.yaml"):
        wish = {"files": [*files, {"path": escape, "text": "x: 1\n"}]}
        refused = admin.put("/api/v1/config", json=wish, headers=etag(admin, "/api/v1/config"))
        assert refused.status_code == 409, escape
    back = admin.post("/api/v1/rollback", json={"generation": before, "yes": True})
    assert (back.status_code, back.json()["result"]) == (200, "applied")
    assert not (place.folder / "conf.d/branch.yaml").exists()
    assert admin.get("/api/v1/config").json()["files"] == files
    assert admin.get(f"/api/v1/history/{before}").json()["files"] == files
    assert admin.get("/api/v1/history/99999").status_code == 404


def test_what_the_engines_do_not_take_leaves_files_and_edge_as_they_were(place: Place, admin: httpx.Client) -> None:
    holder = place.net.socket("edge")
    holder.bind(("0.0.0.0", 5999))
    try:
        text, before = place.edge.file.read_text(), generation(place)
        wish = {"sip": {"udp": 5999}}
        how = {"headers": etag(admin, "/api/v1/config/listen"), "params": {"yes": True}}
        refused = admin.put("/api/v1/config/listen", json=wish, timeout=60, **how)  # type: ignore[arg-type]
        assert refused.status_code == 503
        assert "5999" in refused.json()["title"]
        assert place.edge.file.read_text() == text
        assert (generation(place), place.edge.engine("kamailio")["serving"]) == (before, True)
    finally:
        holder.close()


def test_a_trunk_with_its_secret_and_its_numbers(place: Place, admin: httpx.Client) -> None:
    assert admin.put("/api/v1/secrets/carrier", json={"value": "s3cret word"}).status_code == 204
    secret = place.folder / "secrets/carrier"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("s3cret word", 0o600)
    account = {"server": "198.51.100.7", "user": "0555", "password": {"$secret": "carrier"}}
    trunk = {"addresses": ["198.51.100.7"], "pbxs": ["hq"], "register": account, "dids": {"0555X": "hq"}}
    path = "/api/v1/trunks/carrier"
    del account["server"]
    made = admin.put(path, json=trunk, headers={"If-None-Match": "*"})
    assert made.status_code == 200, made.text
    assert "password: !secret carrier" in place.edge.file.read_text()
    assert admin.get(path).json()["value"]["register"]["password"] == {"$secret": "carrier"}
    assert "s3cret" not in admin.get("/api/v1/config/running").text + admin.get("/api/v1/config").text
    number = f"{path}/numbers/0777X."
    assert admin.put(number, json="hq", headers={"If-None-Match": "*"}).json()["result"] == "applied"
    listed = admin.get(f"{path}/numbers").json()
    assert [(one["name"], one["value"]) for one in listed["items"]] == [("0555X", "hq"), ("0777X.", "hq")]
    assert admin.put(number, json="nobody", headers=etag(admin, number)).status_code == 422
    assert admin.delete(number, headers=etag(admin, number)).json()["result"] == "applied"
    assert admin.delete(path, headers=etag(admin, path), params={"yes": True}).status_code == 200
    assert admin.delete("/api/v1/secrets/carrier").status_code == 204
    assert admin.get("/api/v1/secrets").json() == []


def test_bans_lists_logs_and_certificates_are_those_of_the_command_line(place: Place, admin: httpx.Client) -> None:
    assert admin.post("/api/v1/bans", json={"network": "198.51.100.77", "minutes": 5, "note": "x"}).status_code == 201
    assert "198.51.100.77" in place.edge.command("bans").out
    assert admin.get("/api/v1/bans", params={"search": "100.77"}).json()["total"] == 1
    moved = admin.post("/api/v1/whitelist", json={"network": "198.51.100.77", "from_ban": True})
    assert moved.status_code == 201, moved.text
    assert admin.get("/api/v1/bans").json()["total"] == 0
    assert admin.get("/api/v1/whitelist", params={"search": "100.77"}).json()["total"] == 1
    assert admin.delete("/api/v1/whitelist", params={"network": "198.51.100.77"}).status_code == 200
    assert admin.get("/api/v1/evidence", params={"network": "198.51.100.77"}).status_code == 200
    assert admin.post("/api/v1/bans", json={"network": "x; rm -rf"}).status_code == 422
    assert admin.get("/api/v1/certificates").json()["certificates"][0]["name"] == "default"
    ready = admin.get("/api/v1/logs", params={"text": "ready", "unit": "voxgate"}).json()
    assert any(one["event"] == "ready" for one in ready)
    assert not admin.get("/api/v1/logs", params={"text": "admin_set_up_once"}).json()
    assert admin.get("/api/v1/calls").json()["items"] == []
    assert admin.get("/api/v1/registrations", params={"limit": 1}).json()["limit"] == 1
    assert admin.get("/api/v1/registrations", params={"limit": 5000}).status_code == 422


def extra(name: str) -> dict[str, str]:
    """A PBX in a file of its own."""
    text = f"pbxs:\n  {name}:\n    names: [{name}.example.com]\n    nodes: [{BRANCH}]\n"
    return {"path": f"conf.d/{name}.yaml", "text": text}


def test_an_operator_changes_pbxs_and_nothing_of_the_edge(place: Place) -> None:
    with place.client(place.token("operator")) as operator:
        value = operator.get("/api/v1/pbxs/hq").json()["value"]
        assert value["nodes"] == [HQ]
        section = "/api/v1/config/guard"
        assert operator.put(section, json={}, headers={"If-None-Match": "*"}).status_code == 403
        assert operator.post("/api/v1/rollback", json={}).status_code == 403
        assert operator.get("/api/v1/secrets").status_code == 403
        path = "/api/v1/pbxs/hq"
        done = operator.put(path, json=value | {"limits": {"calls": 7}}, headers=etag(operator, path))
        assert done.json()["result"] == "applied"


def test_prometheus_reads_the_edge_and_its_engines(place: Place, admin: httpx.Client) -> None:
    with place.client() as stranger:
        assert stranger.get("/metrics").status_code == 401
    answer = admin.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {one.name: one for one in text_string_to_metric_families(answer.text)}
    up = {sample.labels["source"]: sample.value for sample in families["voxgate_scrape_source_up"].samples}
    assert up == {"voxgate": 1, "nftables": 1, "kamailio": 1, "rtpengine": 1}
    assert families["voxgate_generation"].samples[0].value == generation(place)
    assert {"kamailio_received_requests", "rtpengine_sessions", "nftables_banned_packets"} <= set(families)
    own = place.net.run("edge", ["curl", "-sk", f"https://127.0.0.1:{PORT}/metrics"]).out
    assert own.startswith("# HELP voxgate_build_info")
    assert place.edge.command("metrics").out.startswith("# HELP voxgate_build_info")


def test_the_command_line_changes_the_same_things_the_same_way(place: Place, admin: httpx.Client) -> None:
    run = place.edge.command
    assert run("pbx", "add", "branch", "names=[branch.example.com]", f"nodes=[{BRANCH}]").code == 0
    assert admin.get("/api/v1/pbxs/branch").json()["value"] == {"names": ["branch.example.com"], "nodes": [BRANCH]}
    assert run("pbx", "add", "branch", "names=[x.example.com]").code == 2
    assert run("pbx", "set", "branch", "balance=weight", "limits.calls=5").code == 0
    assert "balance: weight" in run("pbx", "show", "branch", "--file", str(place.edge.file)).out
    assert run("pbx", "set", "branch", "balance=", "--dry-run").out.count("-    balance: weight") == 1
    wrong = run("pbx", "set", "branch", "balance=sideways")
    assert (wrong.code, "pbxs.branch.balance" in wrong.err) == (2, True)
    assert run("pbx", "remove", "branch").code == 2
    assert run("pbx", "remove", "branch", "--yes").code == 0
    assert "branch" not in run("pbx", "list", "--file", str(place.edge.file)).out
    assert run("config", "set", "access_log.megabytes=7").code == 0
    assert admin.get("/api/v1/config/running").json()["access_log"]["megabytes"] == 7
    assert run("config", "remove", "access_log").code == 0
    assert "ready" in run("logs", "ready").out
