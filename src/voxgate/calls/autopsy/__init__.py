"""Why: one paragraph about a call, a user or an address, with cause and cure.

case.py      all that is known, as one value: record, trace, packets, evidence, registrations (pure)
finding.py   what a rule says (pure)
verdict.py   asks all rules; the strongest finding is the paragraph (pure)
refusals.py  rules: the edge itself refused
replies.py   rules: what the other party answered
media.py     rules: who heard what
dialogs.py   rules: what went wrong in signalling
access.py    rules: who is not let in, and who cannot log in

A rule is a function from `Case` to a `Finding` or None; each family is one file with its rules as `RULES`. All of it is
pure.
"""
