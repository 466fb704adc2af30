"""The web page. A request that is not for the API comes here:

    site.py        the application: the list of pages; which requests are the API's
    visitors.py    who looks, and whether that role may; the CSRF token of forms
    frame.py       what every page is set in: templates, navigation, headers of the answer
    assets.py      styles, scripts, pictures: each under an address that holds its own hash
    changing.py    changes of the configuration from a form: foretold, done, or why not
    fields.py      parts of the configuration as fields of a form (pure)
    listing.py     long lists in pieces
    forms.py       what a browser's form brings, bounded
    mistakes.py    errors as a page
    streams.py     live parts: server-sent events, bounded, made once for all who watch
    measures.py    the last hour in numbers, for plots
    lights.py      green, yellow, red: what the status says of each thing (pure)

Pages, one file each, with their templates in `templates/`:

    first.py       the first run: no configuration yet
    entrance.py    log-in, log-out, the first administrator
    overview.py    how everything is
    calls.py       calls that run, live; one call: why, its record, its SIP as a ladder
    records.py     calls of the past: searched, and as a table
    logs.py        lines of the log: of one call, address or PBX
    lists.py       black and white list, evidence, one click to move
    things.py      PBXs and trunks: list, add, edit, remove, test
    pbxs.py        what is particular to PBXs
    trunks.py      what is particular to trunks
    configuration.py  the files as YAML, with the plan before they are applied
    history.py     generations, and the way back
    certificates.py  certificates: renew, verify
    firewall.py    every port to open
    people.py      users and tokens
    audit_log.py   who changed what

A page is added like this. Its module has a `router` (FastAPI) whose routes depend on `visitors.Looker`, `Doer` or
`Master` (read-only, operator, admin; a form that is sent brings `csrf`, see `templates/parts.html`) and answer with
`frame.page(request, caller, "NAME.html", ...)`. Its template begins with `{% extends "layout.html" %}`; parts that are
fetched alone are files `_NAME.html`, answered by `frame.part`. What is shown comes from `around.desk.ask(...)`, as in
the API; changes go the API's own way (`api.editing`). One line in `site.PAGES` gives it its place in the navigation. A
part that lives is made by a `streams.Feed` in `site.feeds`; the template marks it with `data-live`.

The headers forbid scripts and styles inside of pages (`script-src 'self'`): attributes `style=` and `on...=` do
nothing. What a stranger's phone sent (From, User-Agent, Call-ID) is text in a template and is escaped there: `|safe` is
for nobody, `Markup` for `frame.drawn` alone. Modules with routes do not postpone annotations: FastAPI reads them.
"""
