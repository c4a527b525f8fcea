"""Finding an engine or starting one: children that become ready, fail, or are no longer wanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console import connect
from console.connect import find, run_import
from console.settings import Options, Unreachable

Child = Callable[[str], None]
HEAD = """
import json, sys, time
from pathlib import Path
words = sys.argv[1:]
data = Path(words[words.index("--data-dir") + 1])
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """Lets a script stand for the engine; its arguments are in `words`, its data directory in `data`."""

    def stand_in(body: str) -> None:
        script = tmp_path / "engine.py"
        script.write_text(HEAD + body)
        monkeypatch.setattr(connect, "engine_command", lambda: [sys.executable, str(script)])

    return stand_in


READY = """
data.mkdir(parents=True, exist_ok=True)
(data / f"asked-{words[0]}").write_text(json.dumps(words))
print(json.dumps({"ready": True, "http": "http://127.0.0.1:7", "grpc": None, "socket": None, "pid": 1}), flush=True)
"""


def until(path: Path, seconds: float = 20.0) -> str:
    """What a child writes, once it has."""
    end = time.monotonic() + seconds
    while not path.exists() or not (text := path.read_text()):
        assert time.monotonic() < end, f"{path} was never written"
        time.sleep(0.02)
    return text


def test_a_running_engine_is_joined(tmp_path: Path, child: Child) -> None:
    child("raise SystemExit('nobody may start me')")
    (tmp_path / "engine.json").write_text(json.dumps({"pid": os.getpid(), "http": "http://127.0.0.1:5"}))
    engine = find(Options(tmp_path), lambda message: None)
    assert (engine.address.url, engine.started) == ("http://127.0.0.1:5", False)


def test_a_named_engine_wins(tmp_path: Path, child: Child) -> None:
    child("raise SystemExit('nobody may start me')")
    said: list[str] = []
    engine = find(Options(tmp_path, engine="http://127.0.0.1:6", key="k"), said.append)
    assert (engine.address.url, engine.address.key) == ("http://127.0.0.1:6", "k")
    assert said == ["connecting to http://127.0.0.1:6"]


def test_else_one_is_started_embedded(tmp_path: Path, child: Child) -> None:
    child(READY)
    engine = find(Options(tmp_path / "data"), lambda message: None)
    assert (engine.address.url, engine.started, engine.demo) == ("http://127.0.0.1:7", True, False)
    asked = json.loads((tmp_path / "data" / "asked-serve").read_text())
    assert asked[:4] == ["serve", "--embedded", "--idle-exit", "30"]


def test_a_demonstration_has_ports_and_data_of_its_own(
    tmp_path: Path, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AA_HTTP", "127.0.0.1:4318")
    child(READY + "import os\n(data / f'variables-{words[0]}').write_text(' '.join(os.environ))\n")
    engine = find(Options(tmp_path, demo=True), lambda message: None)
    assert engine.demo
    asked = json.loads((tmp_path / "demo" / "asked-serve").read_text())
    assert asked[-4:] == ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
    team = until(tmp_path / "demo" / "asked-simulate")
    assert {"--history", "--developers"} <= set(json.loads(team))
    assert "AA_HTTP" not in (until(tmp_path / "demo" / "variables-serve")).split()


def test_an_engine_that_fails_is_told_in_one_line(tmp_path: Path, child: Child) -> None:
    child("sys.exit('aa-engine: port 4318 is taken by pid 7')")
    with pytest.raises(Unreachable) as caught:
        find(Options(tmp_path), lambda message: None)
    assert str(caught.value) == "the engine did not start: port 4318 is taken by pid 7"


def test_an_engine_that_fails_silently_tells_its_exit(tmp_path: Path, child: Child) -> None:
    child("sys.exit(3)")
    with pytest.raises(Unreachable, match=r"did not start \(exit 3\)"):
        find(Options(tmp_path), lambda message: None)


def test_nonsense_instead_of_a_ready_line_is_no_engine(tmp_path: Path, child: Child) -> None:
    child("print('hello')")
    with pytest.raises(Unreachable, match="did not start"):
        find(Options(tmp_path), lambda message: None)


def test_a_start_that_nobody_waits_for_ends(tmp_path: Path, child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    child("time.sleep(60)")
    started: list[subprocess.Popen[bytes]] = []
    spawn: Any = connect._spawn

    def remember(*words: Any, **named: Any) -> subprocess.Popen[bytes]:
        started.append(spawn(*words, **named))
        return started[-1]

    monkeypatch.setattr(connect, "_spawn", remember)
    said: list[str] = []

    def say(message: str) -> None:
        said.append(message)
        if len(said) == 3:
            raise Unreachable("no longer wanted")

    with pytest.raises(Unreachable, match="no longer wanted"):
        find(Options(tmp_path), say)
    for process in started:
        process.kill()
        process.wait()


def test_an_import_tells_its_last_word(tmp_path: Path, child: Child) -> None:
    child("print('reading'); print('1,204 requests of 31 sessions')")
    assert run_import(tmp_path) == "1,204 requests of 31 sessions"
    child("sys.exit('aa-engine: nothing to read')")
    assert run_import(tmp_path) == "the import failed: aa-engine: nothing to read"
