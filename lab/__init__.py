"""The network lab: phones, PBXs, NATs and the internet, each in a network namespace of one machine.

``topology``    what a network is: frozen values
``topologies``  the networks we test in, by name
``wiring``      a topology becomes the ``ip`` and ``nft`` commands that build it (pure)
``procs``       the one place of the lab that starts programs
``namespaces``  names, owners and sockets of namespaces; removal of those whose owner died
``net``         the driver: builds, runs programs inside, removes

``g711``        PCMU and PCMA
``tones``       tone files, and which tone a recording holds
``hearing``     did the two ends of a call hear each other

``wiretap``     what passes a host's wire, and what can be heard there

``tls``         a throwaway CA
``peers``       our own strict phones and small PBXs, for SIP and H.323
``phones``      real phones (baresip, linphone) behind one interface
``webuser``     a person's browser, for the web page
``switchboard`` starts a PBX and reads its journal
``directory``   a real LDAP server
``nameserver``  a DNS server that takes updates (Knot)
``pebble``      an ACME authority; ``renewalinfo`` suggests when to renew
``edge``        Voxgate itself, as an operator runs it
``demo``        what `make demo` shows: claims, proven with real calls

``python -m lab up behind_nat`` builds a network to look around in; ``python -m lab clean`` removes leftovers.
"""
