"""The part of Kamailio's scripting API (KEMI) that the script uses, as types.

Generated from Kamailio's own list by `tests/ksr/stub.py`; a test compares it with the real one.
Functions return a number above zero for yes or done and below zero for no or failed, unless they get a value.
"""

from __future__ import annotations

from typing import Protocol


class Corex(Protocol):
    """Functions of `KSR.corex`."""

    def sendx(self, p0: str, p1: str, p2: str, /) -> int: ...

    def set_send_socket(self, p0: str, /) -> int: ...

    def set_source_address(self, p0: str, /) -> int: ...


class Dispatcher(Protocol):
    """Functions of `KSR.dispatcher`."""

    def ds_is_active_uri(self, p0: int, p1: str, /) -> int: ...


class Hdr(Protocol):
    """Functions of `KSR.hdr`."""

    def append(self, p0: str, /) -> int: ...

    def append_to_reply(self, p0: str, /) -> int: ...

    def gete(self, p0: str, /) -> str: ...

    def insert(self, p0: str, /) -> int: ...

    def remove(self, p0: str, /) -> int: ...


class Htable(Protocol):
    """Functions of `KSR.htable`."""

    def sht_dec(self, p0: str, p1: str, /) -> int: ...

    def sht_get(self, p0: str, p1: str, /) -> str | int | None: ...

    def sht_inc(self, p0: str, p1: str, /) -> int: ...

    def sht_iterator_end(self, p0: str, /) -> int: ...

    def sht_iterator_next(self, p0: str, /) -> int: ...

    def sht_iterator_rm(self, p0: str, /) -> int: ...

    def sht_iterator_start(self, p0: str, p1: str, /) -> int: ...

    def sht_lock(self, p0: str, p1: str, /) -> int: ...

    def sht_rm(self, p0: str, p1: str, /) -> int: ...

    def sht_sets(self, p0: str, p1: str, p2: str, /) -> int: ...

    def sht_setxi(self, p0: str, p1: str, p2: int, p3: int, /) -> int: ...

    def sht_setxs(self, p0: str, p1: str, p2: str, p3: int, /) -> int: ...

    def sht_unlock(self, p0: str, p1: str, /) -> int: ...


class Kex(Protocol):
    """Functions of `KSR.kex`."""

    def resetdebug(self) -> int: ...

    def setdebug(self, p0: int, /) -> int: ...


class Kx(Protocol):
    """Functions of `KSR.kx`."""

    def get_callid(self) -> str: ...

    def get_duri(self) -> str | int | None: ...

    def get_method(self) -> str: ...

    def get_proto(self) -> str: ...

    def get_rcvip(self) -> str: ...

    def get_ruri(self) -> str: ...

    def get_srcip(self) -> str: ...

    def get_srcport(self) -> int: ...

    def get_status(self) -> int: ...


class Maxfwd(Protocol):
    """Functions of `KSR.maxfwd`."""

    def process_maxfwd(self, p0: int, /) -> int: ...


class Nathelper(Protocol):
    """Functions of `KSR.nathelper`."""

    def handle_ruri_alias(self) -> int: ...

    def set_contact_alias_trim(self) -> int: ...


class Pv(Protocol):
    """Functions of `KSR.pv`."""

    def get(self, p0: str, /) -> str | int | None: ...

    def seti(self, p0: str, p1: int, /) -> bool: ...

    def sets(self, p0: str, p1: str, /) -> bool: ...

    def unset(self, p0: str, /) -> bool: ...


class Rr(Protocol):
    """Functions of `KSR.rr`."""

    def loose_route(self) -> int: ...

    def loose_route_preloaded(self) -> int: ...

    def record_route_preset_one(self, p0: str, /) -> int: ...


class Rtpengine(Protocol):
    """Functions of `KSR.rtpengine`."""

    def rtpengine_answer(self, p0: str, /) -> int: ...

    def rtpengine_delete(self, p0: str, /) -> int: ...

    def rtpengine_delete0(self) -> int: ...

    def rtpengine_offer(self, p0: str, /) -> int: ...


class Sanity(Protocol):
    """Functions of `KSR.sanity`."""

    def sanity_check(self, p0: int, p1: int, /) -> int: ...


class Sl(Protocol):
    """Functions of `KSR.sl`."""

    def send_reply(self, p0: int, p1: str, /) -> int: ...

    def sl_reply_error(self) -> int: ...


class Tcpops(Protocol):
    """Functions of `KSR.tcpops`."""

    def tcp_close_connection(self) -> int: ...

    def tcp_conid_alive(self, p0: int, /) -> int: ...

    def tcp_enable_closed_event(self) -> int: ...

    def tcp_set_otcpid(self, p0: int, /) -> int: ...

    def tcp_set_otcpid_flag(self, p0: int, /) -> int: ...


class Textops(Protocol):
    """Functions of `KSR.textops`."""

    def has_body_type(self, p0: str, /) -> int: ...

    def remove_hf_idx(self, p0: str, p1: int, /) -> int: ...

    def replace_hdrs_str(self, p0: str, p1: str, p2: str, /) -> int: ...

    def subst(self, p0: str, /) -> int: ...


class Textopsx(Protocol):
    """Functions of `KSR.textopsx`."""

    def remove_body(self) -> int: ...


class Tls(Protocol):
    """Functions of `KSR.tls`."""

    def set_connect_server_id(self, p0: str, /) -> int: ...


class Tm(Protocol):
    """Functions of `KSR.tm`."""

    def t_branch_replied(self) -> int: ...

    def t_branch_timeout(self) -> int: ...

    def t_check_trans(self) -> int: ...

    def t_get_status_code(self) -> int: ...

    def t_is_canceled(self) -> int: ...

    def t_newtran(self) -> int: ...

    def t_on_branch(self, p0: str, /) -> int: ...

    def t_on_failure(self, p0: str, /) -> int: ...

    def t_on_reply(self, p0: str, /) -> int: ...

    def t_relay(self) -> int: ...

    def t_reply(self, p0: int, p1: str, /) -> int: ...

    def t_set_fr(self, p0: int, p1: int, /) -> int: ...

    def t_uac_send(self, p0: str, p1: str, p2: str, p3: str, p4: str, p5: str, /) -> int: ...


class Websocket(Protocol):
    """Functions of `KSR.websocket`."""

    def handle_handshake(self) -> int: ...


class Xhttp(Protocol):
    """Functions of `KSR.xhttp`."""

    def xhttp_reply(self, p0: int, p1: str, p2: str, p3: str, /) -> int: ...


class Ksr(Protocol):
    """The module `KSR` that Kamailio gives to scripts."""

    corex: Corex
    dispatcher: Dispatcher
    hdr: Hdr
    htable: Htable
    kex: Kex
    kx: Kx
    maxfwd: Maxfwd
    nathelper: Nathelper
    pv: Pv
    rr: Rr
    rtpengine: Rtpengine
    sanity: Sanity
    sl: Sl
    tcpops: Tcpops
    textops: Textops
    textopsx: Textopsx
    tls: Tls
    tm: Tm
    websocket: Websocket
    xhttp: Xhttp

    def err(self, p0: str, /) -> None: ...

    def notice(self, p0: str, /) -> None: ...

    def set_advertised_address(self, p0: str, /) -> int: ...

    def set_drop(self) -> None: ...

    def set_forward_no_connect(self) -> bool: ...

    def set_reply_close(self) -> bool: ...

    def set_reply_no_connect(self) -> bool: ...

    def setdsturi(self, p0: str, /) -> bool: ...

    def seturi(self, p0: str, /) -> bool: ...
