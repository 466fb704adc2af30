"""Accounts at SIP providers: the edge registers itself.

messages.py      REGISTER as text, and what a reply to it says (pure)
registration.py  the life of one registration: when to ask, what an answer means (pure; time is an argument)
registrar.py     the driver: sends by way of Kamailio, follows the configuration
"""
