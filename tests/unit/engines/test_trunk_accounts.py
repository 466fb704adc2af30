"""What the edge registers with, from the file."""

from __future__ import annotations

from typing import Any

from tests.unit.engines.networks import ONE, PLACES, TWO, config, kamailio
from voxgate.config.secrets import Secret
from voxgate.engines.trunk_accounts import accounts_of

REGISTER = {"user": "0555", "password": Secret("s3cret")}
TRUNK: dict[str, Any] = {"addresses": ["198.51.100.7"], "server": "sip.carrier.example", "dids": {"0555": "hq"}}


def test_an_account_shows_the_address_of_the_providers_side() -> None:
    made = config(trunks={"carrier": {**TRUNK, "register": REGISTER}, "other": TRUNK | {"dids": {"7": "hq"}}})
    (account,) = accounts_of(made, ONE)
    assert (account.uri, account.registrar) == ("sip:0555@sip.carrier.example", "sip:sip.carrier.example")
    assert account.contact == "sip:0555@203.0.113.45:5060;transport=udp"
    assert (account.local, account.port, account.auth_user) == ("192.168.1.10", 5060, "0555")
    assert accounts_of(made, TWO)[0].local == "203.0.113.45"
    assert "s3cret" not in repr(account)


def test_the_accounts_domain_and_transport_may_differ() -> None:
    register = {**REGISTER, "server": "carrier.example", "auth_user": "id7"}
    made = config(trunks={"carrier": {**TRUNK, "register": register, "transport": "tls"}})
    (account,) = accounts_of(made, ONE)
    assert (account.uri, account.auth_user) == ("sip:0555@carrier.example", "id7")
    assert account.contact == "sip:0555@203.0.113.45:5061;transport=tls"


def test_a_policy_with_a_password_is_never_printed() -> None:
    def policy_is_secret(**trunk: object) -> bool:
        state = kamailio().desired(config(trunks={"carrier": {**TRUNK, **trunk}}), ONE, PLACES, 1)
        return next(file.secret for file in state.files if file.path == "policy.json")

    assert policy_is_secret(register=REGISTER)
    assert not policy_is_secret()
