"""Certificates for TLS: where they come from, when they are renewed, and whether clients really see them.

store.py      which certificates are shown for which names: the operator's files, ACME's, or our own
authority.py  the edge's own authority, so that TLS works before there is a better certificate
shelf.py      what ACME signed, with a way back
service.py    keeps every certificate fresh: orders, shows, verifies, goes back where that fails
standing.py   how one certificate is (pure)
schedule.py   when the next order is due (pure)
order.py      one order, from the look at the DNS to the chain
    talk.py       the conversation with the authority, our accounts there
    precheck.py   would an order succeed?
    answers.py    answers on port 80 (http-01)
    records.py    records in the DNS (dns-01)
    replacing.py  an order names what it replaces
    explain.py    what went wrong, in words for people (pure)
    aside.py      a blocking call in a thread
request.py    a signing request made here, and what comes back for it
handshake.py  what a listener really shows
"""
