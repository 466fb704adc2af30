from __future__ import annotations

import pytest

from voxgate.errors import PeerError
from voxgate.router.ldap.ber import OCTET_STRING, SEQUENCE, element, element_at, elements, length_at


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, "04 00"),
        (127, "04 7f"),
        (128, "04 81 80"),
        (255, "04 81 ff"),
        (256, "04 82 01 00"),
        (65536, "04 83 01 00 00"),
    ],
)
def test_a_length_takes_as_many_octets_as_it_needs_and_is_read_again(size: int, head: str) -> None:
    written = element(OCTET_STRING, bytes(size))
    begin = len(written) - size
    assert written[:begin] == bytes.fromhex(head)
    assert element_at(written, 0, len(written)) == (OCTET_STRING, begin, len(written))


@pytest.mark.parametrize("head", ["02", "81 02", "82 00 02", "83 00 00 02", "84 00 00 00 02"])
def test_a_length_is_read_in_every_form_and_waits_for_what_is_cut_off(head: str) -> None:
    octets = bytes.fromhex(head)
    data = b"\x30" + octets + b"ab"
    for enough in (len(data), 1 + len(octets)):
        assert length_at(data, 1, enough) == (2, 1 + len(octets))
    for end in range(1, 1 + len(octets)):
        assert length_at(data, 1, end) is None


@pytest.mark.parametrize("first", [0x80, 0x85, 0xFF])
def test_a_length_that_is_indefinite_or_beyond_four_octets_is_the_peers_mistake(first: int) -> None:
    with pytest.raises(PeerError):
        length_at(bytes((SEQUENCE, first, 0, 0, 0, 0, 0, 1)), 1, 8)


def test_elements_stand_one_after_the_other_up_to_the_end_and_no_further() -> None:
    first, second = element(OCTET_STRING, b"x" * 200), element(SEQUENCE, b"")
    data = first + second + b"\x04\x01z"
    end = len(first) + len(second)
    assert list(elements(data, 0, end)) == [(OCTET_STRING, 3, 203), (SEQUENCE, 205, 205)]
    assert list(elements(data, 3, 3)) == []


@pytest.mark.parametrize("data", ["04", "04 02 61", "04 81", "04 82 01", "04 81 02 61"])
def test_an_element_that_reaches_beyond_its_place_is_the_peers_mistake(data: str) -> None:
    octets = bytes.fromhex(data)
    for behind in (b"", b"abcdef"):
        with pytest.raises(PeerError):
            element_at(octets + behind, 0, len(octets))
