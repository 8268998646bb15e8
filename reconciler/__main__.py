"""`python -m reconciler`: the same as the console command."""

import sys

from .entry import main

if __name__ == "__main__":
    sys.exit(main())
