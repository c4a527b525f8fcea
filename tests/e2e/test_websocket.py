"""The stream over a WebSocket, through the receiver's port as a client on another machine reaches it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.captures import captures, send_http
from tests.e2e.engine_process import EngineProcess, aa_engine, running

SECONDS = 30


def opened(engine: EngineProcess, key: str) -> ClientConnection:
    address = engine.ready["http"].replace("http://", "ws://") + "/api/v1/ws?filter="
    return connect(address, additional_headers={"x-api-key": key}, proxy=None, open_timeout=SECONDS)


def told(connection: ClientConnection, name: str) -> Any:
    while True:
        event = json.loads(connection.recv(timeout=SECONDS))
        if event["event"] == name:
            return event["data"]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_changes_arrive_messages_are_taken_and_the_end_is_told(tmp_path: Path, processes: str) -> None:
    with running(tmp_path, "--processes", processes) as engine:
        made = aa_engine(tmp_path, "keys", "create", "--role", "viewer", "--data-dir", str(engine.data_dir))
        key = made.stdout.strip()
        with opened(engine, key) as connection:
            assert told(connection, "hello")["resumed"] is False
            connection.send(json.dumps({"filter": "agent:claude_code"}))
            assert told(connection, "subscribed") == {"filter": "agent:claude_code"}
            with engine.client() as client:
                for capture in captures("claude/edit"):
                    send_http(client, capture, "protobuf")
            assert told(connection, "change")["sessions"]
            assert engine.terminate() == 0
            with pytest.raises(ConnectionClosed):
                told(connection, "nothing of that name")


@pytest.mark.parametrize("processes", ["1", "2"])
def test_without_a_key_the_handshake_is_refused(tmp_path: Path, processes: str) -> None:
    with running(tmp_path, "--processes", processes) as engine, pytest.raises(InvalidStatus) as refused:
        opened(engine, "aa_live_nobody")
    assert refused.value.response.status_code == 403
