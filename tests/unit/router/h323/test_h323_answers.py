"""What a PBX answers passes as it came; its rejects are watched."""

from __future__ import annotations

import pytest

from tests.unit.router.h323.talk import RCF, Talk, closes, grj, grq, refusals, rrj, rrq, to_client
from voxgate.guard.observation import Kind


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (rrj("securityDenial"), Kind.AUTH_FAILURE),
        (rrj("invalidAlias"), Kind.AUTH_FAILURE),
        (rrj("undefinedReason"), Kind.AUTH_FAILURE),
        (grj("securityDenial"), Kind.AUTH_FAILURE),
        (rrj("fullRegistrationRequired"), None),
        (rrj("discoveryRequired"), None),
        (rrj("resourceUnavailable"), None),
        (rrj("securityDenial", elsewhere=True), None),
    ],
)
def test_a_reject_of_the_pbx_passes_and_counts_where_it_is_one_of_credentials(answer: bytes, kind: Kind | None) -> None:
    talk = Talk().served(grq("example.com"))
    talk.says(rrq("example.com", "alice"))
    commands = talk.hears(answer)
    assert to_client(commands) == answer
    assert [found for found, _ in refusals(commands)] == [kind]
    assert not closes(commands)


def test_what_the_pbx_says_in_no_known_form_passes_unwatched() -> None:
    talk = Talk().served(rrq("example.com", "alice"))
    for said in (b"\x03\x00\x00\x06\xff\xff", b"whatever", rrj("securityDenial")):
        commands = talk.hears(said)
        assert (to_client(commands), refusals(commands)) == (said, [])


def test_a_refusal_does_not_fall_into_the_middle_of_a_pbxs_message() -> None:
    talk = Talk().served(rrq("example.com", "alice"))
    talk.hears(RCF[:20])
    commands = talk.says(rrq("other.example", "alice"))
    assert to_client(commands) == b""
    assert closes(commands)
