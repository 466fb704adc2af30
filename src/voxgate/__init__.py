"""Voxgate: one front door for phone systems. This page is the map.

A configuration travels downwards, an effect upwards:

    __main__.py  `python -m voxgate`
    cli/         one file per verb: parse, call, print, exit code
    daemon/      composition root: builds every object by hand, one file per area; TaskGroup, signals, sd_notify
    resolver.py  a configuration file -> what the engines must be on this machine
    admin/       the REST API and the web page
    supervise/   starts and watches the engines; the local control socket
    calls/       what happens to calls outside signalling: calls whose media stopped are ended
    trunks/      accounts at SIP providers: the edge registers itself
    nat/         which NAT a machine is behind
    doctor/      what is wrong with the edge and its place, and the cure
    firewall/    which ports must be open, in the words of several packet filters
    companion/   what a PBX behind the edge has to be told
    names/       what should stand in the DNS, and what does
    certs/       certificates for TLS
    router/      relays LDAP and H.323: processes of their own behind HAProxy
    backup/      all that makes an edge this edge, in one file, and the way back
    guard/       suspicious requests: what was seen, who is shut out
    plan/        Config -> Desired -> Plan -> apply; generations and the way back
    engines/     Kamailio and rtpengine as pure functions from configuration to files and processes
    wire/        the engines' control protocols
    config/      YAML -> Config, the network model, secrets, schema
    host/        the only package that touches the operating system
    errors.py    few errors, split by who must act

Beside it lies `voxgate_sip`, which runs inside Kamailio and decides about every SIP request.
"""
