"""What a PBX behind the edge has to be told: for several systems, with reasons.

settings.py  the values that a system's text needs, from `Config` and `Network`; and the text
systems/     one file for each system: settings, where they are, and why
"""
