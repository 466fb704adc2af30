"""Which NAT a machine is behind, and what that means for calls.

discovery.py  what to ask a STUN server, and what its answers mean (sans-io: questions out, answers in)
verdict.py    the kind of NAT in the field's words, against which others it works, whether TURN is needed (pure)
client.py     asks over UDP
"""
