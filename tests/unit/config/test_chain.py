from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab import tls
from voxgate.config.chain import Bad, Chain, certificates_of, chain_of, covers, key_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("patterns", "name", "good"),
    [
        (["example.com"], "example.com", True),
        (["*.example.com"], "a.example.com", True),
        (["*.example.com"], "example.com", False),
        (["*.example.com"], "a.b.example.com", False),
        (["*.com"], "example.com", True),
        (["*.example.com"], ".example.com", False),
        ([], "example.com", False),
    ],
)
def test_a_star_is_exactly_one_label(patterns: list[str], name: str, good: bool) -> None:
    assert covers(patterns, name) is good


def test_the_servers_certificate_is_found_wherever_it_stands_and_strangers_are_left_out(tmp_path: Path) -> None:
    authority = tls.authority()
    mine = authority.issue(tmp_path, "edge.example.com", stem="mine")
    other = tls.authority().issue(tmp_path, "other.example.com", stem="other")
    pem = other.certificate.read_bytes() + mine.ca.read_bytes() + mine.certificate.read_bytes()
    mine_ca = authority.certificate
    several, key = certificates_of(pem, "f"), key_of(mine.key.read_bytes(), "k")
    assert not isinstance(several, Bad)
    assert not isinstance(key, Bad)
    chain = chain_of(several, key)
    assert isinstance(chain, Chain)
    assert (chain.names, chain.sorted, chain.alone) == (("edge.example.com",), True, False)
    assert mine_ca.subject == chain.leaf.issuer


def test_a_chain_of_a_whole_bundle_is_refused(tmp_path: Path) -> None:
    one = tls.authority().issue(tmp_path, "edge.example.com").certificate.read_bytes()
    found = certificates_of(one * 11, "/x.pem")
    assert isinstance(found, Bad)
    assert found.message == "/x.pem holds 11 certificates, 10 are the most"
