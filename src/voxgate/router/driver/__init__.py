"""What moves the bytes: one process, one thread, sockets that do not block.

process.py       one router process: its sockets, its rules, its end
poll.py          waits for sockets and times
wheel.py         times, for thousands of connections (pure)
stream.py        one connected socket: reads, sends, keeps what cannot be sent yet
listening.py     takes connections
client_side.py   one client: HAProxy's header, then what its connection object commands
server_side.py   its server
reaching.py      the way to that server
surroundings.py  what all connections share: rules, ways to PBXs
telling.py       reports to the control plane
control.py       what the control plane asks and orders
"""
