"""Providers, as far as the edge itself deals with them: accounts that it registers, names that it looks up.

messages.py      REGISTER as text, and what a reply to it says (pure)
registration.py  the life of one registration: when to ask, what an answer means (pure; time is an argument)
registrar.py     the driver: sends by way of Kamailio, follows the configuration
locating.py      where a SIP server is, by RFC 3263: questions out, answers in (pure)
naming.py        what is known of one name, and when to ask again (pure; time is an argument)
names.py         the driver: asks DNS, keeps the last good answers, says when one has changed
"""
