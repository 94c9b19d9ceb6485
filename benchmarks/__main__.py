"""Run the benchmarks: ``python -m benchmarks``."""

import sys

if __name__ == "__main__":
    # Here, because spawned processes import this module: the table would add to their memory.
    from .table import main

    sys.exit(main())
