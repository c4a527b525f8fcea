"""The processes of one engine, as the supervisor starts them and as they talk to it.

Owns what a part is given at its start (which part, the supervisor's pid, inherited descriptors), the lines that it
tells on its standard output, and its end with the supervisor's. Refuses work: that is in the parts. Imports nothing
heavy, for the supervisor stays small.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from engine.errors import EngineError, UsageError

Part = Literal["receiver", "engine"]
LOCKED = 75
"""Exit code of a part whose trouble no restart mends: wrong settings, a taken port, a damaged file."""
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Start:
    """What a part is told at its start. `lock` and `news` are descriptors that it inherits.

    `at_least`: where a fresh journal has to begin, for the receiver; `receiver`: its pid.
    """

    part: Part
    supervisor: int
    lock: int
    news: int
    at_least: int = 0
    embedded: bool = False

    def encode(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))

    @classmethod
    def decode(cls, text: str) -> Start:
        """What `encode` wrote. Raises UsageError: nobody writes it by hand."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise UsageError("--part is for the engine itself", hint="leave it out") from error

    def news_socket(self) -> socket.socket:
        """The inherited end of the pair over which the receiver says that something is durable."""
        return socket.socket(fileno=os.dup(self.news))


class Line:
    """A part's way to tell the supervisor something: a JSON object a line on standard output."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def tell(self, event: str, **facts: Any) -> None:
        """Tell; a supervisor that is gone hears nothing."""
        with self._lock, contextlib.suppress(OSError):
            sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
            sys.stdout.flush()

    def refuse(self, error: EngineError) -> None:
        """Tell why this part cannot start."""
        self.tell("refused", code=error.exit_code, line=error.line())


def end_with(supervisor: int, on_end: Callable[[], None] | None = None) -> None:
    """This process ends when the supervisor does, at once, as with kill -9: the journal is made for that.

    On Linux the kernel sees to it; elsewhere standard input, a pipe that only the supervisor holds, comes to its end.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 64):
                pass
        os._exit(1)

    threading.Thread(target=watch, name="supervisor", daemon=True).start()
