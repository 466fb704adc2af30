"""`python -m voxgate` is the command `voxgate`."""

from __future__ import annotations

import sys

from voxgate.cli import main

if __name__ == "__main__":
    sys.exit(main())
