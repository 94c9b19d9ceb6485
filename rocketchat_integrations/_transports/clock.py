"""The system's clock and random numbers. Tests replace it by a fake."""

from __future__ import annotations

import random
import time


class SystemClock:
    """Time and chance for a synchronous driver."""

    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)
    random = staticmethod(random.random)
