"""One file per question, answered by measurement on this machine: `make bench NAME=sip_calls`.

    sip_calls.py   CPU time of the SIP engine per complete call, beside the bare engine in the same run
    ldap.py        CPU time of HAProxy and the router per bind and search, beside HAProxy alone
    ldap_load.py   its clients
    web_page.py    seconds of each page of the web page on a large edge
    cpu.py         CPU time of a process tree, from the kernel's scheduler statistics
    load.py        sipp as caller and callee; scenarios in sipp/
    subject.py     what is measured: a Kamailio of ours or a bare one, started in a namespace
    report.py      rows with host, versions and date; the last line `NAME: ratio R (limit L)`

Cost is CPU time per unit of work, never wall time. Variants run in turn, several rounds, and the median of
each counts, so that a noisy machine hits all of them alike.
"""
