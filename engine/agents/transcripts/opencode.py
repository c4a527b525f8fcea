"""opencode's history: the messages and tool calls of its local database, one JSON object a row.

Owns the meaning of those rows: a reply is a message of the assistant that is finished. Input comes without cache;
output comes without reasoning where the message's own total says so (older releases counted it in). A child session is
a sub-agent's. Refuses text; of a tool's result only the commit that git names is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.agents.transcripts.claude_code import money
from engine.agents.transcripts.entries import EntryReader, plain, short
from engine.agents.transcripts.facts import Fact, Instant, SessionMoment, Usage
from engine.agents.transcripts.reader import LATEST, count, mapping, text


class OpencodeReader(EntryReader):
    """Reads the rows of one database, in the order in which they changed."""

    def entry(self, entry: Mapping[str, Any], facts: list[Fact]) -> bool:
        session, created = text(entry.get("session_id")), milliseconds(entry.get("time_created"))
        if session is None or created is None:
            return False
        self.session = session
        parent = text(entry.get("parent_id"))
        self.is_sidechain = parent is not None
        self.locate(short(entry.get("directory")), None, text(entry.get("version")))
        data = mapping(entry.get("data"))
        match entry.get("table"):
            case "session" if parent is not None:
                facts.append(SessionMoment(created, session, "parent", self.where, parent_session_id=parent))
            case "session":
                facts.append(SessionMoment(created, session, "start", self.where))
            case "message" if data.get("role") == "assistant":
                self._reply(text(entry.get("id")), data, created, parent, facts)
            case "message" if data.get("role") == "user" and parent is None:
                facts.append(SessionMoment(created, session, "prompt", self.where))
            case "part" if data.get("type") == "tool":
                self._tool(data, created, facts)
        return True

    def _reply(
        self, message_id: str | None, data: Mapping[str, Any], created: Instant, parent: str | None, facts: list[Fact]
    ) -> None:
        ended = milliseconds(mapping(data.get("time")).get("completed"))
        error = mapping(data.get("error"))
        tokens = mapping(data.get("tokens"))
        if message_id is None or (ended is None and not error):
            return
        numbers = normalised(tokens)
        failed = not any(numbers) and bool(error)
        if not failed and not any(numbers):
            return
        sequence, is_update = self.is_new(message_id, numbers)
        if sequence is None:
            return
        code = mapping(error.get("data")).get("statusCode")
        facts.append(
            Usage(
                timestamp=ended or created,
                session_id=self.session,
                parent_session_id=parent,
                identity=(message_id, failed, *numbers),
                sequence=sequence,
                is_update=is_update,
                is_sidechain=self.is_sidechain,
                where=self.where,
                model=text(data.get("modelID")),
                agent_name=text(data.get("agent"), 60) if self.is_sidechain else None,
                message_id=message_id,
                input_tokens=numbers[0],
                cache_read_tokens=numbers[1],
                cache_write_unknown_tokens=numbers[2],
                output_tokens=numbers[3],
                reasoning_tokens=numbers[4],
                # A price list that does not know the model says 0: that is unknown, not free.
                cost_usd=money(data.get("cost")) or None,
                success=not failed,
                error_code=(str(code) if type(code) is int else text(error.get("name"), 60)) if failed else None,
            )
        )

    def _tool(self, data: Mapping[str, Any], created: Instant, facts: list[Fact]) -> None:
        call_id, name, state = text(data.get("callID")), text(data.get("tool")), mapping(data.get("state"))
        status = state.get("status")
        if call_id is None or name is None or status not in ("completed", "error"):
            return
        if self.is_new(f"call {call_id}", [])[0] is None:
            return
        times = mapping(state.get("time"))
        began, ended = milliseconds(times.get("start")) or created, milliseconds(times.get("end")) or created
        self.open_call(began, call_id, name, state.get("input"), facts, is_sidechain=self.is_sidechain)
        exit_code = mapping(state.get("metadata")).get("exit")
        failed = status == "error" or (type(exit_code) is int and exit_code != 0)
        error_type = (f"exit_code_{exit_code}" if type(exit_code) is int and exit_code else "error") if failed else None
        self.close_call(ended, call_id, not failed, error_type, plain(state.get("output")), facts)


def normalised(tokens: Mapping[str, Any]) -> list[int]:
    """[input without cache, cache read, cache write, output with reasoning, reasoning] of a message's tokens."""
    cache = mapping(tokens.get("cache"))
    read, written = count(cache.get("read")) or 0, count(cache.get("write")) or 0
    given, output = count(tokens.get("input")) or 0, count(tokens.get("output")) or 0
    reasoning, total = count(tokens.get("reasoning")) or 0, count(tokens.get("total"))
    beside = total == given + read + written + output + reasoning
    return [given, read, written, output + reasoning if beside else output, reasoning]


def milliseconds(value: object) -> Instant | None:
    """Microseconds of a time in milliseconds since 1970."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value * 1000 < LATEST:
        return round(value * 1000)
    return None
