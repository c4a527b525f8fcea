"""No byte of a data directory holds what people wrote, what tools were given, or what they answered.

Marks are planted in everything of that kind that agents really send and write; then every file of the data directory
and every column of the database is searched for them. The same search finds them where content was asked for, so that
finding nothing means something.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from tests.e2e.captures import as_json, captures
from tests.e2e.engine_process import TELEMETRY, EngineProcess, eventually

MARK = "xyzzymark"
CONTENT = frozenset(
    [
        "prompt",
        "user_prompt",
        "response",
        "tool_input",
        "tool_parameters",
        "arguments",
        "output",
        "error",
        "error.message",
        "content",
        "file_path",
        "full_command",
        "bash_command",
        "description",
    ]
)
"""Attributes that carry content, or parts of it, in what Claude Code and Codex send."""
STRUCTURE = frozenset(["timestamp", "cwd", "gitBranch", "model", "version", "cli_version", "branch", "repository_url"])
"""Fields of histories that hold blanks or slashes without being content."""
CAPTURED = (b"third line", b"scripted mock task", b"Please do the scripted")
"""What stood in the prompts, outputs and answers of the captures before any mark was planted."""


def marked(text: str) -> str:
    """The text with marks; inside JSON, in each of its texts."""
    try:
        inner = json.loads(text)
    except ValueError:
        inner = None
    if isinstance(inner, (dict, list)):
        return json.dumps(planted(inner, lambda key, value: True))
    # The extension of a file is stored, its name and folders are not.
    return f"/{MARK}{text}" if text.startswith("/") else f"{MARK} {text} {MARK}"


def planted(node: Any, wanted: Callable[[str, str], bool], key: str = "") -> Any:
    """A copy of JSON with marks in the texts that are wanted by their key and value."""
    if isinstance(node, dict):
        if "key" in node and isinstance(node.get("value"), dict):  # an attribute of OTLP
            key = str(node["key"])
            return {name: planted(value, wanted, key) if name == "value" else value for name, value in node.items()}
        keep = {"stringValue", "arrayValue", "values", "kvlistValue"}
        return {name: planted(value, wanted, key if name in keep else name) for name, value in node.items()}
    if isinstance(node, list):
        return [planted(value, wanted, key) for value in node]
    return marked(node) if isinstance(node, str) and wanted(key, node) else node


def telemetry() -> Iterator[tuple[str, bytes]]:
    """Signal and body of every capture, with marks in its content and in attributes that nobody has listed."""
    unknown = {"key": "notes", "value": {"stringValue": f"{MARK} notes"}}
    for capture in captures():
        document = planted(json.loads(as_json(capture)), lambda key, value: key in CONTENT)
        for resource in (resource for group in document.values() for resource in group):
            resource.setdefault("resource", {}).setdefault("attributes", []).append(unknown)
            for scope in (scope for name in resource if name.startswith("scope") for scope in resource[name]):
                for record in scope.get("logRecords", ()):
                    record.setdefault("attributes", []).append(unknown)
                for span in scope.get("spans", ()):
                    span["status"] = {"code": 2, "message": f"{MARK} message"}
                    span["attributes"] = [*span.get("attributes", ()), unknown]
                    event = {"timeUnixNano": span["startTimeUnixNano"], "name": f"{MARK} event"}
                    span["events"] = [*span.get("events", ()), event | {"attributes": [unknown]}]
        yield capture.signal, json.dumps(document).encode()


def histories(home: Path) -> int:
    """Write the captures' histories into a home, with marks in their content; returns how many."""
    count = 0
    for source in sorted(TELEMETRY.glob("*/*/transcripts/**/*.jsonl")):
        if source.name.startswith("rollout-"):
            target = home / ".codex" / "sessions" / "2026" / "11" / "20" / source.name
        else:
            target = home / ".claude" / "projects" / "-home-dev-app" / source.relative_to(source.parents[1])
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8") as file:
            for line in source.read_text(encoding="utf-8").splitlines():
                content = planted(
                    json.loads(line), lambda key, value: key not in STRUCTURE and any(sign in value for sign in " /\n")
                )
                file.write(json.dumps(content) + "\n")
        count += 1
    return count


def files_with(folder: Path, *searched: bytes) -> list[str]:
    """Files of a folder whose bytes hold one of these texts."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and any(text in path.read_bytes() for text in searched):
            found.append(path.name)
    return found


def columns_with(database: Path, *searched: bytes) -> list[str]:
    """Columns of the database whose values hold one of these texts: on disk they may be compressed."""
    connection = duckdb.connect(str(database), read_only=True)
    try:
        names = connection.execute(
            "select table_schema, table_name, column_name from information_schema.columns order by all"
        ).fetchall()
        found = []
        for schema, table, column in names:
            for text in searched:
                (count,) = connection.execute(
                    f'select count(*) from "{schema}"."{table}" where contains(cast("{column}" as varchar), ?)',
                    [text.decode()],
                ).fetchall()[0]
                if count:
                    found.append(f"{schema}.{table}.{column}: {text.decode()}")
        return found
    finally:
        connection.close()


def fed(engine: EngineProcess) -> None:
    """Send everything, and wait until it and the histories are in the models."""
    with engine.client() as client:
        for signal, body in telemetry():
            answer = client.post(f"/v1/{signal}", content=body, headers={"content-type": "application/json"})
            assert answer.status_code == 200, answer.text

    def quiet() -> bool:
        status = engine.settled()
        told = status["transcripts"]
        return bool(told["is_caught_up"] and told["requests"] and status["batch_id"] == status["journal"]["batch_id"])

    eventually(quiet, "everything is in the models")


@contextmanager
def following(folder: Path, settings: str = "") -> Iterator[EngineProcess]:
    """An engine in a home that holds histories."""
    engine = EngineProcess(folder)
    engine.home.mkdir()
    assert histories(engine.home) > 10
    engine.data_dir.mkdir()
    (engine.data_dir / "engine.yaml").write_text(settings)
    try:
        yield engine.start()
    finally:
        engine.end()


def test_nothing_that_people_or_tools_said_is_in_the_data_directory(tmp_path: Path) -> None:
    searched = (MARK.encode(), *CAPTURED)
    with following(tmp_path) as engine:
        fed(engine)
        assert files_with(engine.data_dir, *searched) == []
        assert engine.terminate() == 0
    assert engine.ask("select count(*) > 20 from staging.stg_api_requests") == [(True,)]
    assert files_with(engine.data_dir, *searched) == []
    assert columns_with(engine.data_dir / "agent_analytics.duckdb", *searched) == []
    assert MARK not in engine.stderr()


def test_the_same_search_finds_content_where_it_was_asked_for(tmp_path: Path) -> None:
    with following(tmp_path, "include_prompts: true\n") as engine:
        fed(engine)
        assert engine.terminate() == 0
    assert columns_with(engine.data_dir / "agent_analytics.duckdb", MARK.encode()) != []
