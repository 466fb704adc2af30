"""Who is among networks whose connections are to be closed."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from voxgate.router.outcasts import Outcasts

NETWORKS = ("198.51.100.7", "203.0.113.0/24", "2001:db8:1::/48", "2001:db8:2::7/128")


@pytest.mark.parametrize(
    ("address", "outcast"),
    [
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("203.0.113.0", True),
        ("203.0.113.255", True),
        ("203.0.114.0", False),
        ("2001:db8:1:ffff::1", True),
        ("2001:db8:2::7", True),
        ("2001:db8:2::8", False),
        # The same number as 198.51.100.7, in the other family.
        ("::c633:6407", False),
    ],
)
def test_an_address_lies_in_one_of_the_networks_or_in_none(address: str, outcast: bool) -> None:
    assert (ip_address(address) in Outcasts(NETWORKS)) is outcast


def test_all_and_nothing() -> None:
    assert ip_address("192.0.2.1") in Outcasts(("0.0.0.0/0",))
    assert ip_address("2001:db8::1") not in Outcasts(("0.0.0.0/0",))
    assert ip_address("192.0.2.1") not in Outcasts(())


@pytest.mark.parametrize("wrong", ["example.com", "192.0.2.1/24", "192.0.2.0/33", "\x00"])
def test_what_is_no_network_is_an_error(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear to be|host bits set"):
        Outcasts((wrong,))
