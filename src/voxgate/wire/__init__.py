"""Control protocols of the engines, by hand, one file each: codec first, thin client after.

ng.py        rtpengine's ng protocol (bencode over UDP)
jsonrpc.py   Kamailio's JSON-RPC over a unix datagram socket
haproxy_runtime.py  HAProxy's runtime socket: one command a connection
dns.py       questions to DNS, by way of dnspython
control.py   Voxgate's own control socket: JSON lines
"""
