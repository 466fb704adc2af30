from __future__ import annotations

import pytest

from voxgate.engines.base import Listener
from voxgate.supervise.engine_lines import parse
from voxgate.supervise.reason import Reason, exit_reason, port_taken

LISTENERS = (
    Listener("udp", "192.0.2.1", 5060, "SIP over UDP"),
    Listener("tcp", "192.0.2.1", 5060, "SIP over TCP"),
    Listener("tls", "2001:db8::1", 5061, "SIP over TLS"),
)


# The lines are Kamailio 5.6.3's and rtpengine 10.5.3's own, addresses changed.
@pytest.mark.parametrize(
    ("lines", "text"),
    [
        pytest.param(
            [
                " 0(28155) ERROR: tm [tm_load.c:33]: load_tm():  Module not initialized yet",
                (
                    " 0(28155) ERROR: <core> [core/udp_server.c:402]: udp_init(): bind(4, 0x7fa120c92fe8, 16) "
                    "on 192.0.2.1: Address already in use"
                ),
                " 0(28155) INFO: <core> [core/sctp_core.c:53]: sctp_core_destroy(): SCTP API not initialized",
            ],
            "exited with code 255: Address already in use: udp 192.0.2.1:5060 or tcp 192.0.2.1:5060",
            id="udp port taken, no port in the line",
        ),
        pytest.param(
            [
                (
                    " 0(1986) ERROR: <core> [core/tcp_main.c:3158]: tcp_init(): bind(6, 0x7ff0b633a360, 16) "
                    "on 192.0.2.1:5060 : Address already in use"
                )
            ],
            "exited with code 255: Address already in use: udp 192.0.2.1:5060 or tcp 192.0.2.1:5060",
            id="tcp port taken",
        ),
        pytest.param(
            [
                (
                    " 0(1986) ERROR: <core> [core/tcp_main.c:3501]: tcp_init(): bind(6, 0x7f1a9041f7e8, 16) "
                    "on [192.0.2.1]:5060 : (98 / Address already in use)"
                )
            ],
            "exited with code 255: Address already in use: udp 192.0.2.1:5060 or tcp 192.0.2.1:5060",
            id="tcp port taken, Kamailio 6.0",
        ),
        pytest.param(
            [
                (
                    " 0(9) ERROR: <core> [core/udp_server.c:402]: udp_init(): bind(4, 0x7efdcfa68fe8, 16) "
                    "on 198.51.100.1: Cannot assign requested address"
                )
            ],
            "exited with code 255: Cannot assign requested address: 198.51.100.1",
            id="an address that is not here",
        ),
        pytest.param(
            [
                (
                    " 0(28099) ERROR: <core> [core/sr_module.c:510]: ksr_locate_module(): could not find module "
                    "<nope> in </usr/lib/x86_64-linux-gnu/kamailio/modules>"
                ),
                "ERROR: bad config file (1 errors) (parsing code: 0)",
            ],
            "exited with code 255: could not find module <nope>",
            id="a module that is not installed",
        ),
        pytest.param(
            [
                (
                    " 0(28094) CRITICAL: <core> [core/cfg.y:3787]: yyerror_at(): parse error in config file "
                    "/run/kamailio.cfg, line 18, column 5-7: syntax error"
                ),
                "ERROR: bad config file (2 errors) (parsing code: 1)",
            ],
            "exited with code 255: parse error in config file /run/kamailio.cfg, line 18, column 5-7: syntax error",
            id="a broken configuration",
        ),
        pytest.param(
            [" 0(1) ERROR: a [b.c:1]: one", " 0(1) ERROR: a [b.c:1]: two", " 0(1) INFO: a [b.c:1]: bye"],
            "exited with code 255: one; two",
            id="words we do not know",
        ),
        pytest.param(["so long"], "exited with code 255: so long", id="no complaint"),
        pytest.param([], "exited with code 255", id="nothing said"),
    ],
)
def test_an_exit_is_explained_by_what_the_engine_said(lines: list[str], text: str) -> None:
    assert exit_reason(255, [parse("kamailio", line.encode()) for line in lines], LISTENERS).text == text


@pytest.mark.parametrize(
    ("listener", "holder", "reason"),
    [
        pytest.param(
            LISTENERS[0],
            "asterisk (process 99)",
            Reason(
                "port 5060/udp on 192.0.2.1 (SIP over UDP) is already taken by asterisk (process 99)",
                "stop that program, or choose another port in the configuration",
            ),
            id="holder known",
        ),
        pytest.param(
            LISTENERS[2],
            "",
            Reason(
                "port 5061/tcp on 2001:db8::1 (SIP over TLS) is already taken",
                "`ss -ltnp sport = :5061` shows by which program; stop it or choose another port",
            ),
            id="holder unknown",
        ),
    ],
)
def test_a_taken_port_is_named_with_what_to_do(listener: Listener, holder: str, reason: Reason) -> None:
    assert port_taken(listener, holder) == reason
