"""HAProxy: takes the connections of browsers, phone books and H.323 phones, and ends their TLS.

Its configuration is put together from fragments. Each service is one function from `Ground` to `Fragment`, in a module
of its own with a template of its own; `engine.SERVICES` lists them. A service without a port adds nothing.

engine.py      the engine: its process, its files, what all fragments share
fragment.py    `Ground` that every fragment is made from, and `Fragment`
tls.py         what stands behind `bind` for TLS: certificates, versions, old phones, client certificates
access.py      the one line of the access log, in HAProxy's words
web.py         HTTP and SIP over WebSocket, which share ports
h323.py        H.323
ldap.py        LDAP
routes.py      which host leads to which PBX, and what is let through, as maps
slots.py       which of a PBX's nodes serves which clients
stream.py      services that our router reads: LDAP and H.323, with PROXY v2 towards it, and TLS from it to PBXs
"""
