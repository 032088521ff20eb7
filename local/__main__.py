"""`python -m local`: the same as `darkroom up`."""

import sys

from local.up import main

if __name__ == "__main__":
    sys.exit(main())
