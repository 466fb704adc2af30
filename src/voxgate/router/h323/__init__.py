"""H.323 over TCP and TLS, with RAS in the tunnel of H.460.17: who is asked for decides which PBX it is.

tpkt.py        messages in a stream
q931.py        their envelope
reader.py      bits and octets, bounded
per.py         the types of aligned PER
h225.py, ras.py, signalling.py   the part of the H.225.0 schema that has to be read
messages.py    one message as a value
names.py       the service name in a gatekeeper ID or a called party
admission.py   whether a request is let through, and to whom
connection.py  one client
answers.py     what the edge itself says: rejects and ReleaseComplete
"""
