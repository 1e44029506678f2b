"""A function for worker processes that does as it is told: answers, hangs, dies or fails."""

from __future__ import annotations

import os
import signal
import time


def obey(order: str) -> int:
    """The number in an order such as "return 3", unless the order is to do something worse."""
    if order == "hang":
        time.sleep(600)
    if order == "die":  # at once, as the kernel ends what takes too much memory
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "fail":
        raise ValueError(order)
    return int(order.split()[1])
