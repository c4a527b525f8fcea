"""One team for all tests that only ask, a fresh one for tests that write; the API on a real port with real keys."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from engine.access.http import Authenticated, Door
from engine.access.keys import KeyRing
from engine.access.principal import Role
from engine.api.app import EXCEPTION_HANDLERS, ApiContext, build_routes
from engine.api.stream import Broadcaster
from engine.clock import FixedClock
from engine.settings import load
from tests.api.workspace import ALICE, NOW, WEB, Workspace, team


@dataclass(frozen=True)
class Api:
    """A running API: where it is, what moves its clock and its stream, and keys of every role."""

    url: str
    workspace: Workspace
    clock: FixedClock
    broadcaster: Broadcaster
    keys: dict[str, str]

    def client(self, role: str = "viewer", **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"x-api-key": self.keys[role]}, timeout=30, **options)

    def get(self, path: str, role: str = "viewer", **parameters: Any) -> httpx.Response:
        with self.client(role) as client:
            return client.get(path, params=parameters)

    def rows(self, view: str, role: str = "viewer", **parameters: Any) -> list[dict[str, Any]]:
        """The data of one page, or a failure that shows the problem."""
        response = self.get(f"/api/v1/{view}", role, **parameters)
        assert response.status_code == 200, response.text
        data: list[dict[str, Any]] = response.json()["data"]
        return data


def watched() -> dict[str, Any]:
    """What an engine with one repository adds to the status."""
    return {"repositories": [{"path": "/src/web", "state": "watched"}]}


@contextmanager
def serve(
    workspace: Workspace,
    folder: Path,
    broadcaster: Broadcaster,
    clock: FixedClock,
    status: Callable[[], dict[str, Any]] = watched,
) -> Iterator[Api]:
    """Uvicorn on a free port in a thread, until the block ends."""
    settings = load(folder, None, {"report_timezone": workspace.zone}, {})
    context = ApiContext(
        reader=workspace.reader,
        clock=clock,
        settings=settings,
        broadcaster=broadcaster,
        version="9.9.9",
        status=status,
    )
    ring = KeyRing(folder / "keys.json")
    roles: tuple[Role, ...] = ("ingest", "viewer", "lead", "admin")
    keys: dict[str, str] = {role: ring.create(role)[1] for role in roles}
    keys["developer"] = ring.create("developer", developer_id=ALICE)[1]
    keys["web"] = ring.create("viewer", projects=(WEB,))[1]
    application = Starlette(routes=build_routes(context), exception_handlers=dict(EXCEPTION_HANDLERS))
    guarded = Authenticated(application, ring, Door("tcp"))
    server = uvicorn.Server(
        uvicorn.Config(guarded, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="websockets-sansio")
    )
    socket = server.config.bind_socket()
    socket.listen(64)  # who comes before the server is ready waits
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield Api(f"http://127.0.0.1:{socket.getsockname()[1]}", workspace, clock, broadcaster, keys)
    finally:
        broadcaster.close()
        server.should_exit = True
        thread.join(20)
        socket.close()


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The team's API for tests that change nothing."""
    folder = tmp_path_factory.mktemp("asked")
    workspace = Workspace(folder)
    workspace.write(team())
    clock = FixedClock(NOW)
    with serve(workspace, folder, Broadcaster(clock, version="9.9.9"), clock) as api:
        yield api
    workspace.close()


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Api]:
    """An API of one's own with an empty database, no models yet, and a stream in a hurry."""
    workspace = Workspace(tmp_path)
    clock = FixedClock(NOW)
    broadcaster = Broadcaster(clock, version="9.9.9", interval=0.05, heartbeat=0.2, patience=5.0)
    with serve(workspace, tmp_path, broadcaster, clock) as api:
        yield api
    workspace.close()


@pytest.fixture
def fresh(quiet: Api) -> Api:
    """The same with models, still empty."""
    quiet.workspace.refresh()
    return quiet
