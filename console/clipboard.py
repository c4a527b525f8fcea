"""Text to the clipboard of the terminal one sits at, through however many SSH hops (OSC 52).

Owns the escape sequence. Refuses to promise: no terminal acknowledges it. Inside tmux the sequence is wrapped, for tmux
would otherwise swallow it unless `set-clipboard` is on.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

MOST_BYTES = 74_994
"""Terminals cut longer ones off."""


def sequence(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The bytes that ask a terminal to take `text`."""
    env = os.environ if environment is None else environment
    payload = base64.b64encode(text.encode()[:MOST_BYTES]).decode()
    plain = f"\x1b]52;c;{payload}\x07"
    if env.get("TMUX"):
        # Both: tmux takes the plain one with set-clipboard on, and passes the wrapped one with allow-passthrough.
        return plain + "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if env.get("TERM", "").startswith("screen"):
        return f"\x1bP{plain}\x1b\\"
    return plain
