"""How the engine is: alive, ready, and what is wrong if it is not.

Owns the answers of /healthz and /readyz and the engine's part of /api/v1/status. Refuses to repair.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson

from engine import __version__
from engine.access.http import Send
from engine.ingest.durable import DurablePath
from engine.ingest.transcripts import Follower
from engine.repos.watch import Watcher
from engine.serving.parts import Start
from engine.serving.refresh import ModelKeeper


class Health:
    """Asks the parts. `ready` is set by the service once start-up catch-up is done."""

    def __init__(
        self,
        path: DurablePath,
        keeper: ModelKeeper,
        follower: Follower,
        watcher: Watcher,
        start: Start | None = None,
    ) -> None:
        """`start`: this is the engine of a supervisor, and the receiver is another process."""
        self.ready = False
        self._start = start
        self._path = path
        self._keeper = keeper
        self._follower = follower
        self._watcher = watcher

    def troubles(self) -> dict[str, str]:
        """What is wrong, by part; empty when the engine takes, stores and shows everything."""
        found = {
            "journal": self._path.journal_trouble,
            "store": self._path.progress().trouble,
            "models": self._keeper.trouble,
        }
        return {part: sentence for part, sentence in found.items() if sentence is not None}

    def status(self) -> Mapping[str, Any]:
        """The engine's part of /api/v1/status."""
        progress = self._path.progress()
        return {
            "pid": os.getpid() if self._start is None else self._start.supervisor,
            "processes": self._processes(),
            "ready": self.ready,
            "troubles": self.troubles() | self._declared_troubles(),
            "journal": {
                "end": progress.journal_end,
                "applied": progress.applied_offset,
                "lag_bytes": progress.lag_bytes,
                "batch_id": progress.batch_id,
                "waiting_rows": self._path.waiting_rows,
            },
            "models": self._models(),
            "transcripts": asdict(self._follower.status()),
            "repositories": {
                "problem": self._watcher.problem,
                "watched": [asdict(state) for state in self._watcher.states()],
            },
        }

    def _processes(self) -> dict[str, int]:
        """Who does what."""
        if self._start is None:
            return {"engine": os.getpid()}
        return {"receiver": self._path.journal.state.figures.process, "engine": os.getpid()}

    def _declared_troubles(self) -> dict[str, str]:
        """A wrong prices.yaml or plans.yaml: worth saying, and no reason to send traffic elsewhere."""
        return {"prices": self._keeper.prices_trouble} if self._keeper.prices_trouble is not None else {}

    def _models(self) -> Mapping[str, Any] | None:
        """How far the models are, and what their tests found; None before the first build."""
        state = self._keeper.state()
        if state is None or state.standing is None:
            return None
        return {
            **asdict(state.standing),
            "lag_batches": state.standing.newest - state.standing.watermark,
            "lag_seconds": state.standing.lag_seconds,
            "building": state.building,
            "tests": asdict(state.tests) if state.tests is not None else None,
        }

    async def answer(self, path: str, send: Send) -> None:
        """Answer /healthz (always 200 while the process lives) or /readyz (503 with what is wrong)."""
        told: dict[str, Any] = {"version": __version__}
        status = 200
        if path == "/healthz":
            told["status"] = "ok"
        else:
            troubles = self.troubles()
            told |= {"ready": self.ready and not troubles, "troubles": troubles}
            if not self.ready:
                told["troubles"] = {"start": "still starting, or stopping", **troubles}
            status = 200 if told["ready"] else 503
        body = orjson.dumps(told)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
