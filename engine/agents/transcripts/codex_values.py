"""Values inside Codex's lines.

Owns usage objects and the difference of two running totals, a call's command, and what an output says of its success.
Refuses the lines themselves and every state: all of it are functions of values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.agents.transcripts.reader import count, load, mapping

_EXIT = re.compile(r"^(?:Process exited with code|Exit code:) (-?\d{1,6})\s*$", re.MULTILINE)
_HEADER_OF_OUTPUT = 400

Tokens = tuple[int, int, int, int, int]
"""input (with cache), cached, cache write, output (with reasoning), reasoning."""


def tokens_of(usage: object) -> Tokens | None:
    """The five numbers of a usage object; None when it holds neither input nor output."""
    found = mapping(usage)
    if count(found.get("input_tokens")) is None and count(found.get("output_tokens")) is None:
        return None
    return (
        count(found.get("input_tokens")) or 0,
        count(found.get("cached_input_tokens")) or 0,
        count(found.get("cache_write_input_tokens")) or 0,
        count(found.get("output_tokens")) or 0,
        count(found.get("reasoning_output_tokens")) or 0,
    )


def difference(total: Tokens, before: Tokens, last: Tokens | None) -> Tokens | None:
    """What a running total grew by; None when it did not grow.

    A total that fell was reset: then the agent's own figure for the last response counts, else the new total.
    """
    if total == before:
        return None
    if total[0] + total[3] < before[0] + before[3]:
        if last is not None and all(part <= whole for part, whole in zip(last, total, strict=True)):
            return last
        return total
    grown = tuple(max(0, now - then) for now, then in zip(total, before, strict=True))
    return grown if any(grown) else None  # type: ignore[return-value]


def command_of(arguments: Mapping[str, Any]) -> str:
    """The shell command of a call, whether written as one text or as words; looked at, never kept."""
    command = arguments.get("cmd", arguments.get("command"))
    if isinstance(command, list):
        return " ".join(part for part in command if isinstance(part, str))
    return command if isinstance(command, str) else ""


def output_of(output: object) -> tuple[str, bool | None, int | None]:
    """(text, success, exit code) as far as the output says: it comes as text, as JSON in a text, or as an object."""
    if isinstance(output, str):
        inner = load(output.encode("utf-8", "replace")) if output.startswith('{"') else None
        if inner is not None and isinstance(inner.get("output"), str):
            code = mapping(inner.get("metadata")).get("exit_code")
            return inner["output"], None, code if type(code) is int and abs(code) < 1 << 31 else None
        return output, None, exit_code_of(output)
    if isinstance(output, dict):
        content, success = output.get("content"), output.get("success")
        text_of_it = content if isinstance(content, str) else ""
        return text_of_it, success if isinstance(success, bool) else None, exit_code_of(text_of_it)
    if isinstance(output, list):
        texts = [part["text"] for part in output if isinstance(part, dict) and isinstance(part.get("text"), str)]
        joined = "\n".join(texts)
        return joined, None, exit_code_of(joined)
    return "", None, None


def exit_code_of(output: str) -> int | None:
    """The exit code that the tool writes above a command's output."""
    head = output[:_HEADER_OF_OUTPUT].split("\nOutput:", 1)[0]
    found = _EXIT.search(head)
    return int(found[1]) if found is not None else None
