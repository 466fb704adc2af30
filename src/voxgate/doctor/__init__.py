"""What is wrong with this edge and its place in the network, in words, with the cure.

Looking and judging are apart: what was seen is a value, and each rule is a pure function of it.

finding.py     one finding
facts.py       everything that was looked at, as values
rules.py       facts -> findings: the edge itself, its network, its PBXs
audio_rules.py    facts -> findings: the sound
certificate_rules.py  facts -> findings: certificates
machine_rules.py  facts -> findings: the machine below it
gathering.py   looks at all of it
machine.py     what the kernel and the programs say
sockets.py     drops, and programs in the media ports, from /proc/net/udp
asking.py      SIP and STUN questions over UDP, connections over TCP
allocating.py  one allocation at the TURN server
calling.py     a call with audio through the edge
relaying.py    audio through the media relay alone
options.py     the SIP question itself (codec)
sip_call.py    the call's messages (codec)
audio.py       its sound (codec)
asking_edge.py what the running Voxgate says
report.py      findings of one round, as they are kept
outside.py     the talk with a responder on another machine (codec)
calling_out.py asks a responder
responder.py   is one
"""
