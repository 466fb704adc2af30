"""Kamailio's scripting API, as the tests know it.

api.py     asks a real Kamailio for its own list of functions
stub.py    writes `voxgate_sip/ksr.py`, the part of that list that the script uses
fake.py    a strict stand-in made from the stub: unknown functions and wrong types are errors
"""
