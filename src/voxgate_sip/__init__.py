"""Runs inside Kamailio and decides about every SIP request. Standard library only; never imports `voxgate`.

    policy.py    the contract of policy.json: `Policy` as a value, to text and back (pure)
    route.py     `decide(request, policy)` -> `Decision`, and the choice of a node (pure)
    message.py   Kamailio's getters -> `Request`
    dialog.py    requests inside a dialog: along the route set, the next hop judged afterwards
    legs.py      what a request looks like when it leaves towards a side: Via, Record-Route, socket
    media.py     offers and answers for rtpengine
    perform.py   `Decision` -> calls on an injected KSR
    trunks.py    trunks as values, whose request it is and where a number leads (pure)
    digest.py    answers to a provider's challenge (pure)
    trunking.py  calls from and to trunks, attempt by attempt
    replies.py   what happens to a reply on its way back
    hiding.py    PBXs' addresses sealed on the way out, opened on the way back
    record.py    what is kept of an answered call, so that the edge itself can hang up
    events.py    what the workers tell the control plane, by datagrams that never block
    forked.py    what a worker must not share with its siblings after the fork
    ksr.py       the part of Kamailio's scripting API that is used, as types (generated)
    script.py    the only file that imports KSR: callbacks, policy generation, last resort

A request takes this way:

    Kamailio -> script.Script.ksr_request_route -> message.Reader -> route.decide -> perform.Performer

and inside a dialog

    Kamailio -> script.Script.ksr_request_route -> message.Reader -> dialog.DialogRelay

No file, lock or network stands on it, but one read of policy.json per worker for each new generation.

Two notions decide what an address in a message must look like. The *role* of the other party: PBX (its
source address is a node's) or phone (everyone else). The *side* it is on: inside or outside, IPv4 or
IPv6. The side alone picks the address to show; no pair of sides is a special case.
"""
