"""What happens to calls outside signalling.

ending.py     ends a call on both sides; answers a provider that challenges its BYE
hangup.py     an answered call's record -> the two BYE requests that end it (pure)
listing.py    the running calls, for `voxgate calls`
ledger.py     the calls that hold places, as Kamailio lists them (pure)
autopsy/      why a call went as it did
cdr/          call records (CDRs)
trace/        SIP as it passed, kept for a while
live.py       tells a new Kamailio of them; asks rtpengine which of them still live
spending.py   minutes of destination classes, alerts, destinations seen: the toll-fraud guard's books (pure)
tollfraud.py  counts minutes of running calls, raises alerts, tells Kamailio what is spent
webway.py     the WebSocket by which a browser is reached
timeouts.py   rtpengine reports that a call's media stopped; the call is ended on both sides
"""
