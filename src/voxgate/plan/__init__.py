"""Plan, print, then apply: the one path from a configuration to running engines.

desired.py   `Desired`: what every engine must be, as one value (pure)
diff.py      `Desired` against `Desired` -> `Plan`: sentences for people, steps for `apply` (pure)
change.py    every leaf in which two configurations differ (pure)
sentences.py what each change means to people (pure)
    trunk_sentences.py  the same for trunks (pure)
    ldap_sentences.py  the same for LDAP (pure)
    web_sentences.py  the same for HTTP (pure)
    h323_sentences.py  the same for H.323 (pure)
    service_sentences.py  what these three have in common (pure)
    certificate_sentences.py  the same for certificates (pure)
    turn_sentences.py   the same for STUN and TURN (pure)
    admin_sentences.py  the same for the API and the web page (pure)
steps.py     what must be done to which engine, in which order (pure)
unified.py   differences of files as text, bounded, secrets masked (pure)
commands.py  the single commands that `apply` gives (values)
apply.py     carries out a `Plan` through ports: check, write, smallest reload, verify, or back to before
history.py   generations: what was applied when, and the way back
"""
