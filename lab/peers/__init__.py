"""Our own SIP peers: strict where real programs are forgiving, so an edge that lies is found out.

``message``   SIP messages as values, read and written (no sockets, no clock)
``address``   SIP URIs and name-addr
``dialog``    dialogs and route sets by RFC 3261 section 12 (pure)
``digest``    MD5 digest authentication by RFC 2617 (pure)
``sdp``       the few lines of SDP the peers need
``flows``     UDP, TCP and TLS under asyncio
``websocket`` frames and handshake of RFC 6455 (pure); ``webflow`` SIP over it, as browsers do
``endpoint``  transactions over flows: retransmission, matching, replies by Via
``rtp``       plays a tone, records what comes; ``rtcp`` tells the other side how it came
``secrecy``   encrypts it: ``srtp`` with keys in SDP, ``dtls`` with a handshake
``witness``   remembers every address received messages show, and which were forbidden

``agent``     the phone; ``pbx`` the small PBX, with ``registrar`` and ``legs``
``ldap_crowd`` thousands of LDAPS clients that idle
``h323``      an H.323 phone and a gatekeeper
``features``  what the phone does beside calls; ``services`` the same for the PBX
"""
