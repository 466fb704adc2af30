"""The API's description: whole, with the configuration's own models, and without a name that means two things."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from voxgate.admin.app import build
from voxgate.admin.roles import Role


def description() -> dict[str, Any]:
    return build(cast("Any", None), cast("Any", None)).openapi()


def test_every_reference_leads_somewhere_and_models_of_both_sides_are_told_apart() -> None:
    document = description()
    text = json.dumps(document)
    schemas = document["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= set(schemas)
    assert {"Health", "Config.Health", "Config.Pbx", "Config.Trunk", "ProblemBody"} <= set(schemas)
    body = document["paths"]["/api/v1/pbxs/{name}"]["put"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/Config.Pbx"}


def test_every_operation_has_a_name_a_sentence_and_problems_of_one_media_type() -> None:
    operations = [one for path in description()["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations) > 50
    for one in operations:
        assert one["description"]
        errors = [answer for status, answer in one["responses"].items() if status == "422"]
        assert [list(answer["content"]) for answer in errors] == [["application/problem+json"]]


def test_whatever_changes_something_asks_who() -> None:
    free = {"log_in", "log_out", "set_up", "metrics"}
    for path in description()["paths"].values():
        for one in path.values():
            assert one.get("security") or one["operationId"] in free, one["operationId"]
    assert [role.value for role in Role] == ["admin", "operator", "read-only", "turn"]
