"""``python -m skactive``: the same as ``skactive``."""

import sys

from .commands import main

if __name__ == "__main__":
    sys.exit(main())
