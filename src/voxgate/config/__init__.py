"""From YAML to frozen values: the file is read once, checked whole, and trusted from there on.

scalars.py   host names, service names, port ranges: parsed once into typed values
model.py     `Config` and its sections; every key with its sentence
    fields.py      base class and value types of all sections
    pbxs.py        the section `pbxs`
    nodes.py       addresses of PBXs
    services.py    what services beside SIP have in common
    web.py         HTTP, and the access log
    urls.py        which URLs are let through
    presets.py     lists of URLs by name
    fraud.py       the key `fraud` of PBXs
    limits.py      the key `limits` of PBXs, trunks and requesters
    ldap.py        LDAP
    h323.py        H.323
    forwards.py    port forwards
    trunks.py      the section `trunks`
    turn.py        the section `turn`
    trunktls.py    the key `tls` of trunks
    profiles.py    kinds of providers, as data in `providers/`
    trunknames.py  where its calls go and come from, by name and by address
    identity.py    the key `identity` of trunks
    guard.py       the section `guard`
    doctor.py      the section `doctor`
    dns.py         the section `dns`
    admin.py       the section `admin`
load.py      files -> `Config`, or every problem at once with file, line, key and advice
places.py      where each key was written: path -> file and line
    document.py    YAML text -> a tree that remembers lines
    merge.py       several files -> one tree
    records.py     the section `records`: what is kept of calls
    trace.py       its part `trace`: SIP messages
    later.py       keys of later versions: an honest answer
    keys.py        the model as a list of keys
    findings.py    what pydantic found, in plain words
    parts.py       the sections that are good by themselves
    crosscheck.py  contradictions between keys
    trunkcheck.py  the same around trunks
    ldapcheck.py   the same around LDAP
    webcheck.py    the same around HTTP
    h323check.py   the same around H.323
    servicecheck.py  what is alike for these three
    portcheck.py    two services on one port
    turncheck.py   the same around STUN and TURN
    forwardcheck.py  the same around port forwards
    admincheck.py  the same around the API and the web page
    certificates.py  the section `certificates`
    certificate.py what it says beside the files: there, PEM, a pair, in date, for the names
    chain.py       a certificate with its chain and its key
    asked_names.py  the names that TLS clients can ask for
    client_certificates.py  what client certificates need
    edits.py     changes of values -> changes of files
    raw.py       the configuration as it is written; ETags
    save.py      round trip: change a value and keep the operator's comments
secrets.py   `!secret NAME` from environment, file or systemd credential; never printed
network.py   `Config` + `Facts` -> `Network`, from which all engines' addresses derive
schema.py    JSON Schema for editors and the reference page, made from the model
starter.py   the commented file that `voxgate init` writes
"""
