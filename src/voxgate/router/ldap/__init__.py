"""LDAP, by the domain of the BIND user.

connection.py  one client: its bind, its results; implements `router.connection.Connection`
admission.py   whether a bind is let through: one table of what is refused, and how
shortcuts.py   the binds and results that come by the thousand, told at a glance
limits.py      what one client may take of us
bind_names.py  the domain in a bind's name
messages.py    the few messages that are read or written
framing.py     where messages begin and end; what passes is not looked at
ber.py         how they are encoded
"""
