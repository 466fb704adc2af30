"""`/api/v1`: one file per resource.

session.py   log-in, log-out, who am I, the first administrator
state.py     status, health, history, calls, registrations, audit log
people.py    users
programs.py  tokens
paging.py    lists, in bounded pieces
"""
