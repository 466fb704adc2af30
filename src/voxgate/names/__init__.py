"""The edge's names in the DNS: what should stand there, for the internet and for the inside, and what does.

record.py      one record, as a value
planning.py    configuration and network -> the records of a view
formats.py     the records as zone file, hosts file, lines for dnsmasq
comparing.py   what name servers answered against what they should: findings with their cure
asking.py      asks name servers
"""
