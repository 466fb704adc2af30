"""`voxgate trunk`: list, show, add, change and remove trunks, and where their numbers lead."""

from __future__ import annotations

from voxgate.cli.thing_verb import Things

VERB = Things("trunks", "trunk", "addresses=[198.51.100.7] pbxs=[hq] dids.0555X=hq").verb(
    "list, add, change and remove trunks and their numbers"
)
