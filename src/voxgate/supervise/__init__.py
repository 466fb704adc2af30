"""Starts engines, watches them, restarts them with back-off, stops them in order.

life.py         the phases of one engine's life, as values
unit.py         one engine's life as a pure state machine: events in, commands out, time is an argument
keeper.py       the driver of one engine
supervisor.py   all engines together, in the order in which they were started
readiness.py    asks an engine whether it serves
reason.py       why an engine ended, in words, from its exit and its last lines
engine_lines.py an engine's output line -> level, module, text, charset-checked
flood.py        how many lines a log takes before it only counts them
log.py          engines' lines and our own as one structured log
notify.py       sd_notify (READY, STATUS, WATCHDOG, STOPPING)
forwards.py     port forwards in the kernel: brought, looked after, counted
nodes.py        PBX nodes as the health checks see them
registrations.py  who is registered through the edge, kept over restarts
pbx_accounts.py  accounts that PBXs have registered at providers (pure)
panel.py        tables for people, and further parts of `voxgate status` (pure)
guard_panel.py  the guard in `voxgate status` (pure)
telling.py      what `voxgate calls` tells (pure)
status.py       what `voxgate status` shows, as values
    trunk_status.py  providers in it
observe.py      looks at the machine and makes a status of it
access_log.py   writes the access log, shows rejections to who listens
web_nodes.py    which nodes take HTTP, where a PBX has several
haproxy.py      how the running HAProxy is asked and told
router.py       the same for a process of the router
dnsmasq.py      how a running dnsmasq is asked
coturn.py       how a running coturn is asked and told
    turn_database.py  its accounts, secrets, peers and quotas, where it looks them up
    turn_lines.py     failed logins out of its log (pure)
hands.py        what `plan.apply` does to the machine
outcome.py      what the verbs answer (pure)
verbs.py        what the control socket's verbs do: load, plan, apply, record, roll back
editing.py      changes of the configuration's files
deeds.py        which requests change something, and how they ended (pure)
log_ring.py     the newest lines of the log, for those who look
log_filter.py which of them somebody wants to see (pure)
control.py      the local control socket: one verb a line, answers as JSON lines
"""
