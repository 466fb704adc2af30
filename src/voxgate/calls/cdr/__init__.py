"""Call records (CDRs): one of each attempt to call, answered or not.

value.py     the record as a value (pure)
reports.py   what Kamailio's script reports of a call -> values (pure)
sdp.py       what a media description says of codecs and encryption (pure)
causes.py    Q.850 causes, and which one a SIP answer is (pure)
book.py      the calls that are open: reports in, records out (pure)
quality.py   what rtpengine says of a call's packets -> loss, jitter, MOS for each direction (pure)
store.py     records on disk: written in batches, searched page by page
table.py     records as lines for people (pure)
sinks.py     where finished records go beside the store: a file of JSON lines, an HTTP server
recorder.py  the one writer: takes reports, asks rtpengine, writes

    Kamailio --datagrams--> recorder -> reports -> book -> store -> sinks

A record is on disk from the first report on. What was open when an engine or the edge itself died is closed with the
reason.
"""
