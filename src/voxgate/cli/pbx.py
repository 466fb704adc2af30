"""`voxgate pbx`: list, show, add, change and remove PBXs."""

from __future__ import annotations

from voxgate.cli.thing_verb import Things

VERB = Things("pbxs", "pbx", "names=[branch.example.com] nodes=[172.16.8.10]").verb("list, add, change and remove PBXs")
