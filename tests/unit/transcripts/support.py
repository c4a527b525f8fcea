"""What the tests of this folder share: a recorder that keeps rows in memory, histories written line by line."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from engine.agents.transcripts.facts import Fact
from engine.agents.transcripts.reader import Workplace
from engine.agents.transcripts.registry import BY_AGENT, recognise
from engine.ingest.transcript_rows import RowBuilder
from engine.projects import ProjectIdentity
from engine.store.rows import RawRows

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
Row = dict[str, Any]

SESSION = "11111111-2222-4333-8444-555555555555"
THREAD = "01970000-0000-7000-8000-000000000001"


def named_after_folder(folder: Path) -> ProjectIdentity:
    """A project for every folder, without looking at the disk."""
    return ProjectIdentity(f"example.org/team/{folder.name}", folder.name, None, folder)


def workplace() -> Workplace:
    return Workplace(b"key", named_after_folder)


def rows_of(rows: RawRows, table: str) -> list[Row]:
    """The rows of one table as dictionaries."""
    columns = rows.tables.get(table, {})
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


class MemoryRecorder:
    """Takes rows in like the store does: a dedup key that is known adds nothing. `fail` makes the next call fail."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Row]] = {}
        self.calls = 0
        self.largest = 0
        self.fail: Exception | None = None
        self._lock = threading.Lock()

    def record(self, rows: RawRows) -> Future[None]:
        future: Future[None] = Future()
        with self._lock:
            self.calls += 1
            self.largest = max(self.largest, rows.total())
            if self.fail is not None:
                failure, self.fail = self.fail, None
                future.set_exception(failure)
                return future
            for table in rows.tables:
                known = self.tables.setdefault(table, {})
                for row in rows_of(rows, table):
                    known.setdefault(row["dedup_key"], row)
        future.set_result(None)
        return future

    def rows(self, table: str) -> list[Row]:
        with self._lock:
            return sorted(self.tables.get(table, {}).values(), key=lambda row: str(row.get("timestamp")))


def read_facts(lines: Iterable[bytes], agent_type: str | None = None) -> list[Fact]:
    """The facts of one history."""
    kept = list(lines)
    source = BY_AGENT[agent_type] if agent_type is not None else recognise(kept)
    assert source is not None
    facts: list[Fact] = []
    source.reader(workplace(), None).read(kept, facts)
    return facts


def rows_from(facts: list[Fact], agent_type: str) -> RawRows:
    builder = RowBuilder("dev@example.org")
    builder.add(agent_type, facts)
    return builder.take()


def requests_of(usages: Iterable[Row]) -> list[Row]:
    """What the models make of usage rows: per message and request id the one with the most tokens."""
    best: dict[object, Row] = {}
    for row in usages:
        key = (row["message_id"], row["request_id"]) if row["message_id"] or row["request_id"] else row["dedup_key"]
        if key not in best or row["output_tokens"] > best[key]["output_tokens"]:
            best[key] = row
    return list(best.values())


def totals(requests: Iterable[Row]) -> dict[str, int]:
    """The sums that a capture's truth.json calls `expected`."""
    kept = list(requests)
    return {
        "requests": len(kept),
        "input_tokens": sum(row["input_tokens"] for row in kept),
        "cache_read_tokens": sum(row["cache_read_tokens"] for row in kept),
        "cache_write_tokens": sum(
            row["cache_write_5m_tokens"] + row["cache_write_1h_tokens"] + row["cache_write_unknown_tokens"]
            for row in kept
        ),
        "output_tokens": sum(row["output_tokens"] for row in kept),
    }


def line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def claude_line(kind: str, second: float, message: Mapping[str, Any], **more: Any) -> bytes:
    """One line of a Claude Code transcript at `second` after 2026-11-18 10:00 UTC."""
    entry: dict[str, Any] = {
        "type": kind,
        "sessionId": SESSION,
        "timestamp": stamp(second),
        "cwd": "/home/dev/app",
        "gitBranch": "main",
        "version": "2.1.197",
        "isSidechain": False,
        "message": message,
    }
    return line(entry | more)


def reply(second: float, number: int, *, output: int = 100, content: Iterable[Any] = (), **more: Any) -> bytes:
    """A reply with usage; equal numbers are lines of the same reply."""
    message = {
        "id": f"msg_{number}",
        "model": "claude-opus-4-8",
        "content": list(content),
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 2000,
            "cache_creation_input_tokens": 300,
            "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
            "output_tokens": output,
            "service_tier": "standard",
            "speed": "standard",
        },
    }
    return claude_line("assistant", second, message, **({"requestId": f"req_{number}"} | more))


def tool_use(call_id: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def tool_result(second: float, call_id: str, output: Any = "", *, is_error: bool | None = None, **more: Any) -> bytes:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": call_id, "content": output}
    if is_error is not None:
        block["is_error"] = is_error
    return claude_line("user", second, {"role": "user", "content": [block]}, **more)


def prompt(second: float, words: Any = "please", **more: Any) -> bytes:
    return claude_line("user", second, {"role": "user", "content": words}, **more)


def codex_line(kind: str, second: float, payload: Mapping[str, Any], **more: Any) -> bytes:
    return line({"timestamp": stamp(second), **more, "type": kind, "payload": payload})


def codex_meta(second: float = 0.0, **more: Any) -> bytes:
    payload = {"id": THREAD, "timestamp": stamp(second), "cwd": "/home/dev/app", "cli_version": "0.169.0"}
    return codex_line("session_meta", second, payload | {"git": {"branch": "main"}} | more)


def codex_turn(second: float, model: str = "gpt-5.1-codex", **more: Any) -> bytes:
    return codex_line("turn_context", second, {"cwd": "/home/dev/app", "model": model} | more)


def usage(whole: int, cached: int, output: int, reasoning: int = 0) -> dict[str, int]:
    return {
        "input_tokens": whole,
        "cached_input_tokens": cached,
        "output_tokens": output,
        "reasoning_output_tokens": reasoning,
        "total_tokens": whole + output,
    }


def token_count(second: float, total: Mapping[str, int], last: Mapping[str, int] | None = None, **more: Any) -> bytes:
    info = {"total_token_usage": total, "last_token_usage": total if last is None else last}
    return codex_line("event_msg", second, {"type": "token_count", "info": info}, **more)


def usage_record(
    second: float, response: str, used: Mapping[str, int], total: Mapping[str, int] | None = None, thread: str = THREAD
) -> bytes:
    payload = {"thread_id": thread, "session_id": thread, "response_id": response, "usage": used}
    return codex_line("token_usage_record", second, payload | ({} if total is None else {"thread_token_usage": total}))


def stamp(second: float) -> str:
    whole, thousandths = divmod(round(second * 1000), 1000)
    hours, rest = divmod(whole, 3600)
    return f"2026-11-18T{10 + hours:02d}:{rest // 60:02d}:{rest % 60:02d}.{thousandths:03d}Z"


def moment(second: float) -> int:
    """The same instant as a row has it."""
    return 1_794_996_000_000_000 + round(second * 1_000_000)


def write_lines(path: Path, lines: Iterable[bytes], *, ended: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines) + (b"\n" if ended else b""))
    return path


def append_lines(path: Path, lines: Iterable[bytes]) -> None:
    with path.open("ab") as stream:
        stream.write(b"".join(part + b"\n" for part in lines))


def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait for another thread to make something true; fails when it does not."""
    deadline = time.monotonic() + seconds
    waiting = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        waiting.wait(0.01)
