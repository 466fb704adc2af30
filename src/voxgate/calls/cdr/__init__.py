"""Call records (CDRs): one of each attempt to call, answered or not.

value.py     the record as a value (pure)
reports.py   what Kamailio's script reports of a call -> values (pure)
sdp.py       what a media description says of codecs and encryption (pure)
causes.py    Q.850 causes, and which one a SIP answer is (pure)
book.py      the calls that are open: reports in, records out (pure)
receptions.py  what the parties of a call report of each other (RTCP) -> loss, jitter, delay of each source (pure)
emodel.py    loss, jitter, delay -> MOS (pure)
quality.py   what rtpengine and the parties say of a call's packets -> loss, jitter, MOS for each direction (pure)
search.py    what is looked for -> SQL that an index answers alone (pure)
store.py     records on disk: written in batches, searched page by page
running.py   calls that run now: both legs, what each party sends (pure)
table.py     records as lines for people (pure)
spreadsheet.py  records as a table for spreadsheets (pure)
sinks.py     where finished records go beside the store: a file of JSON lines, an HTTP server
postgresql.py  the same: a table of a PostgreSQL database
delivery.py  brings what waits on disk to one such place
listening.py asks rtpengine how calls are heard
overhearing.py  takes what rtpengine tells of RTCP that passes it
recorder.py  the one writer: takes reports, has rtpengine asked, writes

    Kamailio --datagrams--> recorder -> reports -> book -> store -> delivery -> sinks

A record is on disk from the first report on. What was open when an engine or the edge itself died is closed with the
reason.
"""
