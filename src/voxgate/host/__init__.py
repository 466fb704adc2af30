"""The only package that touches the operating system.

process.py   starts programs: argument list, no shell, scrubbed environment, deadline, a line that can be pasted
fetch.py     text from the web, bounded
files.py     reads bounded, writes atomically with owner and mode
database.py  a SQLite file that outlives crashes
journal.py   a file that grows at its end, within its room
clock.py     wall and monotonic time as a port
console.py   whether what we print is kept by systemd's journal
limits.py    how many files may be open
launch.py    how a process is confined: user, capabilities, process group
pipes.py     a program's output as bounded lines
messages.py  what a program wrote at once, where it quotes strangers (pure)
message_socket.py  such a program's output
forwarding.py  whether the kernel passes on what is not for this machine
ports.py     whether a port is free, and who holds it
facts.py     interfaces, addresses, routes and cores of this machine as frozen values
netlink.py   the kernel's tables of links, addresses and routes (codec)
randomness.py secrets of our own making
"""
