"""The REST API and the ground under the web page. A request travels downwards:

    server.py      the web server: a thread and an event loop of its own, so that no request slows the edge
    protocol.py    one connection: who may connect, how many, how slow
    bounds.py      every request: size, time, headers that every answer carries
    app.py         the route table
    auth.py        who asks: a token or a session, and whether that role may; cross-site requests
    api/           one file per resource, `/api/v1/...`
    page/          the web page
    metrics/       `/metrics`: the edge and its engines as Prometheus reads them
    problems.py    errors as problem+json (RFC 9457), with file, line and key
    openapi.py     the description of it all, with the configuration's own models
    manual.py      the same as a page for people (pure)

What they stand on:

    starting.py      what a first configuration asks for, on a terminal or on a page
    invitation.py    where that page is, and its token (pure)
    surroundings.py  what the edge gives us: `Desk`, which takes the requests of the control socket and nothing else
    roles.py       who may what (pure)
    passwords.py   scrypt
    tokens.py      tokens for programs, set-up tokens (pure)
    access.py      users and tokens, kept in one file that the command line changes, too
    sessions.py    who is logged in (pure)
    attempts.py    how often somebody may try (pure)
    doorman.py     log-in: users, sessions, attempts, and what the guard hears of it
    audit.py       who did what when, as lines that last

There is no second way to change anything: whatever is changed here goes through `Desk.ask`, as the command line's
requests do, and is validated, planned, applied, recorded and rolled back there.
"""
