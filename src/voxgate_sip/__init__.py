"""Runs inside Kamailio and decides about every SIP request. Standard library only; never imports `voxgate`.

    policy.py    the contract of policy.json: `Policy` as a value, to text and back (pure)
    route.py     `decide(request, policy)` -> `Decision` (pure)
    balance.py   which node of a PBX serves a request (pure)
    nodes.py     the same with what the engine knows of the nodes
    message.py   Kamailio's getters -> `Request`
    dialog.py    requests inside a dialog: along the route set, the next hop judged afterwards
    legs.py      what a request looks like when it leaves towards a side: Via, Record-Route, socket
    browsers.py  WebSocket connections of browsers: whose each one is, and the way back
    media.py     offers and answers for rtpengine
    nomedia.py   why a request must not go on for the sake of its media
    passages.py  calls that pass the edge more than once
    crypto.py    two parties' policies and an offer -> encrypted or plain, or a refusal (pure)
    insisting.py which phones insist on encryption, as far as they have shown
    perform.py   `Decision` -> calls on an injected KSR
    ways.py      what a request needs on its way, worked out once for many
    trunks.py    trunks as values (pure)
    destinations.py  where requests of trunks lead, and where those of PBXs that are for trunks (pure)
    digest.py    answers to a provider's challenge (pure)
    chain.py     all attempts of such a call, as text and back (pure)
    callerid.py  who calls, as a provider wants to be told (pure)
    guise.py     the edge as the user agent that a provider sees: caller's identity, CSeq after a challenge
    authorising.py   the answer to a provider's challenge
    inside.py    requests inside a dialog with a provider that may challenge them
    ownways.py   providers that see the edge in a way of their own, in Record-Route (pure)
    trunking.py  calls from and to trunks, attempt by attempt
    attempts.py  what such a call can try next
    accounts.py  accounts of PBXs at providers: registered through the edge, and called back through it
    replies.py   what happens to a reply on its way back
    hiding.py    PBXs' addresses sealed on the way out, opened on the way back
    onlookers.py who must not see which PBX in answers inside a dialog
    callbacks.py the callbacks for replies, one for each way to shape them and their SDP
    notes.py     what a transaction remembers: who called, which nodes were tried (pure)
    shunned.py   nodes that failed a request of late, in shared memory
    reporting.py what the control plane is told of a call, for its record
    record.py    what is kept of an answered call, so that the edge itself can hang up
    certificates.py  client certificates: whose they are (the rule is pure)
    vouching.py  whether who answers at a provider's address is the provider
    identity.py  a PBX is named by its domain in From
    contacts.py  Contact of a REGISTER and of its answer (pure)
    registrations.py  registrations that passed
    keepalive.py OPTIONS that keep NATs from forgetting phones
    limits.py    how many calls and how fast: the arithmetic (pure)
    places.py    places of calls in shared memory: taken, given back once, put right
    gate.py      limits between the decision about an INVITE and its performance
    fraud.py     where a PBX may call: prefixes, classes, nights (pure)
    sweeper.py   every two seconds: puts places right, tells the control plane of running calls
    doorman.py   who is turned away before anything is done: banned, too fast, scanners
    challenges.py    credentials that a PBX refused, and whether they prove who sent them
    suspicion.py     what is suspicious, told to the guard
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
