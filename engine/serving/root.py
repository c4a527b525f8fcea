"""The first fork of every HTTP request behind the doors: ingest, health, or the API.

Owns the fork alone, so that the hot paths cost one set lookup. Refuses everything else.
"""

from __future__ import annotations

from engine.access.http import HEALTH, Application, Receive, Scope, Send, send_problem
from engine.access.problems import Problem
from engine.ingest.http import ROUTES
from engine.serving.health import Health


class Root:
    """ASGI application behind `Authenticated`."""

    def __init__(self, ingest: Application, health: Health, api: Application) -> None:
        self._ingest = ingest
        self._health = health
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in ROUTES:
            await self._ingest(scope, receive, send)
        elif path in HEALTH:
            if scope["method"] in ("GET", "HEAD"):
                await self._health.answer(path, send)
            else:
                await send_problem(
                    Problem(405, f"{path} is read with GET", "method", headers={"allow": "GET, HEAD"}), send
                )
        else:
            await self._api(scope, receive, send)
