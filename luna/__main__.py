"""`python -m luna` is the `luna` command."""

import sys

from luna.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
