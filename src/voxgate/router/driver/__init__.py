"""What moves the bytes: one process with its sockets, driven by asyncio (uvloop where it is installed).

process.py       one router process: sockets, rules, its end
client_side.py   one client: HAProxy's header, then what its connection object commands
server_side.py   its server
surroundings.py  what all connections share: rules, ways to PBXs
telling.py       reports to the control plane
control.py       what the control plane asks and orders
"""
