"""H.323 peers: an endpoint and a gatekeeper that speak RAS in the tunnel of H.460.17, written from the standard.

They share nothing with what they test: H.225.0 is read and written by pycrate, from the ASN.1.

``message``     TPKT, Q.931 and H.225.0 as values
``endpoint``    a phone: registers, keeps its registration alive, calls and is called (blocking sockets)
``gatekeeper``  a PBX as a program: users with passwords, redirects, calls between those registered
"""
