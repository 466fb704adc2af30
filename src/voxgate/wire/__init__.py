"""Control protocols of the engines, by hand, one file each: codec first, thin client after.

ng.py        rtpengine's ng protocol (bencode over UDP)
jsonrpc.py   Kamailio's JSON-RPC over a unix datagram socket
haproxy_runtime.py  HAProxy's runtime socket: one command a connection
haproxy_maps.py  HAProxy's maps as text, and the commands that change them
haproxy_sessions.py  HAProxy's list of sessions
dns.py       questions to DNS, by way of dnspython
proxy_v2.py  the PROXY protocol, version 2: who a relayed connection comes from
haproxy_line.py  HAProxy's lines of the access log, and the log's own made from them
access_line.py  the line of the access log, the same for every protocol
stun.py       STUN messages, as far as clients need them
router_control.py  the control socket of a router process
nft.py       what nftables is told (text for `nft -f -`)
nft_forwards.py  the same for port forwards, and their counters
socket_filter.py  which open connections `ss` is to close
control.py   Voxgate's own control socket: JSON lines
    hep.py         captured SIP messages, as Homer takes them
rtcp_told.py  reports of RTCP that pass rtpengine, as it tells Homer of them
    records_request.py  what is asked about calls of the past
    admin_request.py  changes of the configuration, metrics, lines of the log
    guard_request.py  what the guard is asked over it
    certs_request.py  what the certificates are asked over it
"""
