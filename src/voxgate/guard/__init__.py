"""Whoever tries to break in through any protocol is shut out of all of them, with evidence.

observation.py  what a requester did, as a value; the port by which it is reported; its line in the log

It lies below the parts that watch engines and connections, so that each of them can report.
"""
