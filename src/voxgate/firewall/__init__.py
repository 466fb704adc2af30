"""Which ports must be open, where, for whom and why: from what the engines open, for any packet filter.

opening.py     one opening, as a value
openings.py    `Desired` -> every opening of the edge
outwards.py    what the edge itself must reach: PBXs, providers, the authority
words.py       the list for people: a table, and a letter to the administrator of another firewall
nftables.py    the list for nft, and the changes that bring it into a ruleset that is there
firewalld.py   the list for firewalld, as policies
ufw.py         the list for ufw
installer.py   brings it into the kernel or into firewalld, when asked
"""
