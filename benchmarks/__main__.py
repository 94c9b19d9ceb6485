"""``python -m benchmarks``."""

import sys

if __name__ == "__main__":
    # Processes that are measured import this module as well, and are to have nothing more of it.
    from .table import main

    sys.exit(main())
