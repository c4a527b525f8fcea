"""Leaving when the terminal is gone.

Owns one thread that sleeps until the terminal hangs up (a closed window, a lost SSH connection) and then ends the
process: a parent such as make may keep the hang-up signal to itself, and a screen without a terminal would read its end
for ever. Refuses a graceful end: nobody is left to draw for, and the console holds nothing that could be lost.
"""

from __future__ import annotations

import os
import select
import threading

EXIT_CODE = 129
"""128 + SIGHUP, as a shell would report it."""


def leave_with(descriptor: int) -> None:
    """End the process when the terminal behind `descriptor` hangs up. Costs nothing until then."""
    threading.Thread(target=_wait, args=(descriptor,), name="hangup", daemon=True).start()


def _wait(descriptor: int) -> None:
    poll = select.poll()
    # No events asked for: what remains is what cannot be switched off, the hang-up.
    poll.register(descriptor, 0)
    if poll.poll():
        os._exit(EXIT_CODE)
