"""What is wrong with this edge and its place in the network, in words, with the cure.

Looking and judging are apart: what was seen is a value, and each rule is a pure function of it.

finding.py     one finding
facts.py       everything that was looked at, as values
rules.py       facts -> findings: the edge itself, its network, its PBXs
machine_rules.py  facts -> findings: the machine below it
gathering.py   looks at all of it
machine.py     what the kernel and the programs say
sockets.py     drops, and programs in the media ports, from /proc/net/udp
asking.py      SIP and STUN questions over UDP, connections over TCP
allocating.py  one allocation at the TURN server
options.py     the SIP question itself (codec)
outside.py     the talk with a responder on another machine (codec)
calling_out.py asks a responder
responder.py   is one
"""
