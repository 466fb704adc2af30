"""The router relays LDAP and H.323: the first message decides about the PBX, the answers are watched.

It runs as unprivileged processes of its own, one per core, behind HAProxy, which ends TLS and says by PROXY v2 who the
client is. What knows a protocol is pure: events in, commands out.

client.py      who connected: what the PROXY header says, as a value
events.py      what happened to a connection, in the past tense
commands.py    what is to be done, in the imperative
connection.py  what each protocol has to offer: `handle(event, rules)`
rules.py       service name -> PBX, its nodes, who may: one document, replaced whole
health.py      nodes that could not be reached lately
ldap/          LDAP, by the domain of the BIND user
h323/          H.323, by gatekeeper ID
accounting.py  lines of the access log
reporting.py   what the control plane is told of a request
driver/        what moves the bytes: the process, its sockets
__main__.py    starts it
"""
