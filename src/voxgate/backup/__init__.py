"""All that makes an edge this edge, in one file, and the way back.

manifest.py   what is in a backup, as values; what none may hold (pure)
contents.py   which files belong into one
archive.py    the file: a ZIP archive with a manifest; written, and read as if a stranger had written it
making.py     the backup of an edge, also of a running one
restoring.py  verified beside what is there, then put in its place, which is kept aside

A name in the archive begins with where it belongs:

    config/   relative to the main file's folder: the main file, conf.d, secrets, files that the configuration names
    state/    relative to the state folder: generations, certificates, keys, accounts, databases
    outside/  files that the configuration names elsewhere, by their absolute paths
"""

from __future__ import annotations

from voxgate.backup.contents import Scope
from voxgate.backup.making import Made, make
from voxgate.backup.manifest import Manifest
from voxgate.backup.restoring import Restored, inspect, restore

__all__ = ["Made", "Manifest", "Restored", "Scope", "inspect", "make", "restore"]
