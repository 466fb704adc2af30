"""SIP as it passed, decrypted, both sides of the edge: kept for a while in memory, shown without secrets.

message.py   a captured message: what it is, and how it is shown (pure)
masks.py     what nobody may read: answers to challenges, keys, codes (pure)
ring.py      messages by Call-ID, bounded in time and size (pure)
ladder.py    a call as a ladder for a terminal (pure)
tracer.py    takes what Kamailio captures, pauses under load, sends on to Homer

    Kamailio (siptrace, HEPv3 on loopback) -> tracer -> ring -> ladder
"""
