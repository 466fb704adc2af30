"""The composition root: every object of the running edge is built here by hand, one file per area.

    edge.py   what all areas share, one TaskGroup, signals, sd_notify; the list of areas
    part.py   what an area adds to the edge, as a value
    sip.py    Kamailio: its control, the nodes' health, registrations
    trunks.py providers: accounts at them, their names, their health
    calls.py  rtpengine, live calls, limits, toll fraud, time-outs of media
    records.py  records of calls, and their SIP
        explaining.py  why a call, a user or an address is as it is
    web.py    HAProxy
    router.py  the router
        router_reports.py  what it reports, for access log and guard
    certs.py  certificates: orders, renewals, what listeners show
    turn.py   coturn, and who fails to log in there
    ears.py   engines' lines on their way to the log
    forwards.py  port forwards in the kernel
    first_run.py  no configuration yet: a page that asks for one
    admin.py  the API and the web page
    metrics.py  what `/metrics` shows
    desk.py   what administrators ask for beside the areas' own verbs
    offline.py  what the machine is to be, for verbs that need no running Voxgate
    doctor.py the doctor's rounds
    dns.py    the DNS server for the local network
    guard.py  the guard: its books, walls and feeds, and what Kamailio tells it

An area is a function or a small class that builds its objects and gives a `Part`; `edge.py` names it in one line.
"""

from __future__ import annotations

from voxgate.daemon.edge import plan_offline, run
from voxgate.daemon.offline import standing

__all__ = ["plan_offline", "run", "standing"]
