"""`/api/v1`: one file per resource.

session.py   log-in, log-out, who am I, the first administrator
state.py     status, health, history, calls, registrations, audit log
calls.py     calls that run, the SIP of a call, and why it went as it did
records.py   calls of the past, page by page and as a table
editing.py   how every change of the configuration is asked for: If-Match, dry run, the dangerous word
configuration.py  the whole configuration, its sections, secrets, history, the way back
objects.py   PBXs, trunks, numbers
guard.py     bans and the white list
certificates.py  certificates
logs.py      lines of the log
metrics.py   `/metrics`
turn.py      TURN credentials
people.py    users
programs.py  tokens
paging.py    lists, in bounded pieces
"""
