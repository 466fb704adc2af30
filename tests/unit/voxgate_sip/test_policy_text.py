"""policy.json: what is written is read back; what is something else is refused with one of three errors."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.voxgate_sip.offices import PHONE, policy
from voxgate_sip.policy import dumps, loads

REFUSED = (ValueError, KeyError, TypeError)
FIELDS = sorted(json.loads(dumps(policy())))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("changes", [{}, {"media": True}, {"pbxs": {}, "domains": {}}, {"local": ()}], ids=str)
def test_a_policy_is_read_back_as_it_was_written(changes: dict[str, Any]) -> None:
    assert loads(dumps(policy(**changes))) == policy(**changes)


def test_equal_policies_give_equal_bytes_in_one_line() -> None:
    shuffled = policy(served=frozenset(["tls", "udp"]), domains=dict(reversed(policy().domains.items())))
    assert dumps(policy()) == dumps(shuffled)
    assert dumps(policy()).count("\n") == 1


def test_a_pbx_that_takes_udp_may_come_over_tcp_but_not_over_tls() -> None:
    assert policy().pbx_protos["198.51.100.7"] == {"udp", "tcp"}
    assert policy().pbx_protos["10.0.0.9"] == {"tls"}
    assert PHONE not in policy().pbx_protos


@given(st.text() | JSON.map(json.dumps))
def test_a_text_that_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(REFUSED):
        loads(text)


@pytest.mark.parametrize(
    ("name", "value"), [("pbxs", None), ("pbxs", {"a": None}), ("sides", []), ("generation", float("inf"))], ids=str
)
def test_a_table_that_is_none_is_refused(name: str, value: object) -> None:
    with pytest.raises(REFUSED):
        loads(json.dumps({**json.loads(dumps(policy())), name: value}))


@given(st.sampled_from(FIELDS), JSON)
def test_a_field_that_is_something_else_is_refused_or_read(name: str, value: object) -> None:
    document = json.loads(dumps(policy()))
    document[name] = value
    with contextlib.suppress(*REFUSED):
        loads(json.dumps(document))


@given(
    st.sampled_from(["pbxs", "sides"]), st.sampled_from(["name", "plain", "secure", "codes", "local", "ports"]), JSON
)
def test_an_entry_with_something_else_inside_is_refused_or_read(table: str, key: str, value: object) -> None:
    document = json.loads(dumps(policy()))
    for entry in document[table].values():
        entry[key] = value
    with contextlib.suppress(*REFUSED):
        loads(json.dumps(document))


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_field_is_refused(name: str) -> None:
    document = json.loads(dumps(policy()))
    del document[name]
    with pytest.raises(KeyError):
        loads(json.dumps(document))


def test_a_text_cut_short_anywhere_is_refused() -> None:
    text = dumps(policy()).rstrip("\n")
    for end in range(len(text)):
        with pytest.raises(REFUSED):
            loads(text[:end])
