"""Whoever tries to break in through any protocol is shut out of all of them, with evidence.

    report() ─▶ Ledger ─▶ Ban ─▶ BanBook ─▶ Wanted ─▶ Walls
    observation  counts   above   all bans   what is   kernel,
    as a value   a minute the     and what   to hold   or the
                          limit   is allowed           engines

observation.py  what a requester did, as a value; the port by which it is reported; its line in the log
access.py       lines of the access log as observations (pure)
sip_lines.py    lines of Kamailio's log as observations (pure)
handshakes.py   whose fault a failed TLS handshake is (pure)
rules.py     the configuration as the guard goes by it
networks.py  sets of networks; whom an address belongs to
ledger.py    who did what, and how much of it within a minute (pure)
evidence.py  evidence in words; alerts in the place of bans (pure)
bans.py      who is shut out, and who never is (pure)
wanted.py    what the walls are to hold, and what of it changed (pure)
walls.py     the kernel, or the engines where the kernel is not ours
    engine_walls.py  Kamailio's table and HAProxy's list
store.py     bans and evidence on disk
logbook.py   the security log
lists.py     lists of addresses as text (pure)
feeds.py     lists that others keep
service.py   the guard at work
desk.py      what a person asks and orders
    telling.py   the answers as text and data

It lies below the parts that watch engines and connections, so that each of them can report.
"""
