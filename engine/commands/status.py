"""`aa-engine status`: what a running engine does.

Owns the words and the JSON. Refuses to start one.
"""

from __future__ import annotations

import argparse
import json
from typing import Any


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Exit 1 when no engine answers on the data directory, or when something is wrong with it."""
    import httpx

    from engine import settings as engine_settings
    from engine.client import connect, running_engine
    from engine.errors import UnreachableError

    settings = engine_settings.load(arguments.data_dir, arguments.config)
    address = running_engine(settings)
    if address is None:
        raise UnreachableError(f"no engine runs on {settings.data_dir}", hint="start one with `aa-engine serve`")
    try:
        with connect(address) as client:
            answer = client.get("/api/v1/status")
            answer.raise_for_status()
    except httpx.HTTPError as error:
        raise UnreachableError(f"the engine (process {address.pid}) does not tell its status: {error}") from error
    told: dict[str, Any] = answer.json()
    told["addresses"] = {"http": address.http, "grpc": address.grpc, "socket": address.socket}
    if arguments.json:
        print(json.dumps(told, indent=2))
    else:
        _print(told, address.pid)
    return 1 if told.get("troubles") else 0


def _print(told: dict[str, Any], pid: int) -> None:
    lines: list[tuple[str, str]] = [
        ("engine", f"{told['version']}, {_processes(told, pid)}"),
        *((name, place or "closed") for name, place in told["addresses"].items()),
        ("rows", f"{told['event_count']:,}, {told['rows_per_second']:g} new a second"),
        ("batch", f"{told['batch_id']} at {told['as_of']}"),
        ("behind", f"{told['journal']['lag_bytes']:,} bytes of journal"),
        ("models", _models(told.get("models"))),
        ("delay", _delay(told)),
        ("files", ", ".join(f"{name.replace('_', ' ')} {size:,}" for name, size in told["files"].items()) + " bytes"),
        ("backup", f"the newest of {told['newest_backup']}" if told["newest_backup"] else "none"),
        ("watching", f"{told['subscribers']} consoles, {len(told['repositories']['watched'])} repositories"),
    ]
    lines += [(f"! {part}", sentence) for part, sentence in told.get("troubles", {}).items()]
    # These keep nothing else from working, so they are told without being a failure of the engine.
    histories, repositories = told["transcripts"], told["repositories"]
    asides = [("transcripts", histories["error"]), ("repositories", repositories["problem"])]
    if histories["unreadable"] or histories["lines_skipped"]:
        left = f"{histories['unreadable']} files and {histories['lines_skipped']} lines could not be read"
        asides.append(("transcripts", left))
    asides += [("repository", state["detail"]) for state in repositories["watched"] if state["state"] != "empty"]
    lines += [(f"? {part}", sentence) for part, sentence in asides if sentence]
    if told["dead_letters"]["count"]:
        lines.append(("? refused", f"{told['dead_letters']['count']:,}: aa-engine dead-letters list"))
    for query in told["slow_queries"][-3:]:
        lines.append(("? slow", f"{query['ms']:g} ms, {query['rows']} rows: {query['view']} {query['question']}"))
    if failed := ((told.get("models") or {}).get("tests") or {}).get("failed"):
        lines += [("? test", sentence) for sentence in failed]
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        print(f"{name:<{width}}  {text}")


def _processes(told: dict[str, Any], pid: int) -> str:
    """Who is at work, with the memory of the one that answers."""
    names = ", ".join(f"{name} {number}" for name, number in told["processes"].items() if number != pid)
    memory = f", {told['memory_bytes'] / 1e6:.0f} MB" if told.get("memory_bytes") else ""
    return f"process {pid}" + (f" ({names})" if names else "") + memory


def _delay(told: dict[str, Any]) -> str:
    """From arrival to view; what is not measured yet is n/a."""
    shown, query = told["latency"]["arrival_to_mart"], told["latency"]["query"]

    def text(figures: dict[str, Any]) -> str:
        return f"{figures['p50_ms']:g} ms (p50), {figures['p95_ms']:g} ms (p95)" if figures["count"] else "n/a"

    return f"from arrival to view {text(shown)}; answers {text(query)}"


def _models(told: dict[str, Any] | None) -> str:
    """How far the models are."""
    if told is None:
        return "not built yet"
    behind = (
        f"{told['lag_batches']} batches ({told['lag_seconds']:.1f} s) behind" if told["lag_batches"] else "up to date"
    )
    text = f"{told['relations']} relations, built {told['built_at']} up to batch {told['watermark']}, {behind}"
    tests = told["tests"]
    if told["building"]:
        text += ", being built anew"
    if tests is not None:
        text += f"; tests: {tests['passed']} passed, {len(tests['warned'])} warned, {len(tests['failed'])} failed"
    return text
