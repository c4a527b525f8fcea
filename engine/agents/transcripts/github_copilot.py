"""Copilot CLI's histories: `~/.copilot/session-state/<session>/events.jsonl`.

Owns the meaning of their events: one `session.usage_record` per reply, a start and an end per tool call; what a
sub-agent does bears its `agentId`. Input arrives with cache reads and writes and is told without. Refuses text, and
the totals at a session's end, which repeat the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.agents.transcripts.entries import EntryReader, plain, short
from engine.agents.transcripts.facts import Fact, Instant, SessionMoment, Usage
from engine.agents.transcripts.reader import count, instant, mapping, text


class CopilotReader(EntryReader):
    """Reads one history."""

    def entry(self, entry: Mapping[str, Any], facts: list[Fact]) -> bool:
        kind, data = entry.get("type"), mapping(entry.get("data"))
        timestamp = instant(entry.get("timestamp"))
        if timestamp is None:
            return False
        is_sidechain = text(entry.get("agentId")) is not None
        match kind:
            case "session.start" | "session.resume" | "session.context_changed":
                context = mapping(data.get("context")) or data
                self.session = text(data.get("sessionId")) or self.session
                self.model = text(data.get("selectedModel")) or self.model
                version = text(data.get("copilotVersion"))
                self.locate(short(context.get("cwd")), text(context.get("branch")), version)
                self.tell_moment(timestamp, facts)
            case "user.message":
                if not is_sidechain and self.session is not None:
                    facts.append(SessionMoment(timestamp, self.session, "prompt", self.where))
            case "session.usage_record":
                self._usage(mapping(data.get("usage")), timestamp, is_sidechain, facts)
            case "tool.execution_start":
                call_id, name = text(data.get("toolCallId")), text(data.get("toolName"))
                if call_id is not None and name is not None:
                    self.open_call(timestamp, call_id, name, data.get("arguments"), facts, is_sidechain=is_sidechain)
            case "tool.execution_complete":
                self._result(data, timestamp, facts)
        return True

    def _usage(self, usage: Mapping[str, Any], timestamp: Instant, is_sidechain: bool, facts: list[Fact]) -> None:
        whole, output = count(usage.get("inputTokens")), count(usage.get("outputTokens"))
        if whole is None and output is None:
            return
        read, written = count(usage.get("cacheReadTokens")) or 0, count(usage.get("cacheWriteTokens")) or 0
        numbers = [max(0, (whole or 0) - read - written), read, written, output or 0]
        call_id = text(usage.get("apiCallId"))
        sequence, is_update = self.is_new(call_id or f"at {timestamp}", numbers)
        if sequence is None:
            return
        facts.append(
            Usage(
                timestamp=timestamp,
                session_id=self.session,
                identity=(call_id or timestamp, *numbers),
                sequence=sequence,
                is_update=is_update,
                is_sidechain=is_sidechain,
                where=self.where,
                model=text(usage.get("model")) or self.model,
                request_id=call_id,
                input_tokens=numbers[0],
                cache_read_tokens=read,
                cache_write_unknown_tokens=written,
                output_tokens=numbers[3],
                reasoning_tokens=count(usage.get("reasoningTokens")),
            )
        )

    def _result(self, data: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        call_id = text(data.get("toolCallId"))
        if call_id is None:
            return
        code = mapping(data.get("shellExecution")).get("exitCode")
        failed = data.get("success") is not True or (type(code) is int and code != 0)
        error_type = (f"exit_code_{code}" if type(code) is int and code else "error") if failed else None
        output = plain(mapping(data.get("result")).get("content"))
        self.close_call(timestamp, call_id, not failed, error_type, output, facts)
