"""The documentation as one HTML page.

Owns putting style, script and data into one file that loads nothing: no address of another host, no fonts, no pictures.
Refuses to trust what the project's files say: data travel as JSON that no markup can end, the script escapes all of it,
and the page's own policy lets no other script run and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PARTS = Path(__file__).parent / "page"


def render(data: Mapping[str, Any]) -> str:
    """The page for what docs_data.gather gives."""
    style = (PARTS / "page.css").read_text(encoding="utf-8")
    script = (PARTS / "pure.js").read_text(encoding="utf-8") + (PARTS / "page.js").read_text(encoding="utf-8")
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {_hash_of(style)}; script-src {_hash_of(script)}"
    )
    texts = {
        "@@POLICY@@": policy,
        "@@TITLE@@": html.escape(str(data["project"])),
        "@@STYLE@@": style,
        "@@DATA@@": _embedded(data),
        "@@SCRIPT@@": script,
    }
    page = (PARTS / "index.html").read_text(encoding="utf-8")
    # Piece by piece, so that a placeholder in the data stays what it is.
    out: list[str] = []
    for mark, text in texts.items():
        before, _, page = page.partition(mark)
        out.extend((before, text))
    return "".join((*out, page))


def _embedded(data: Mapping[str, Any]) -> str:
    """JSON that can stand in a script element: no `<` ends it, no comment begins in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
