"""Qwen Code's histories: `~/.qwen/projects/<folder>/chats/*.jsonl`.

Owns the meaning of their lines, which look like Claude Code's with Gemini's messages in them. Usage comes from the
telemetry events that the program writes beside the messages (they name the reply and its sub-agent); where a release
writes none, from the messages. Input arrives with cache and is told without; output includes thoughts. Refuses text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.agents.transcripts.entries import EntryReader, plain, short
from engine.agents.transcripts.facts import Fact, Instant, SessionMoment, Usage
from engine.agents.transcripts.reader import count, instant, mapping, text

FAILED = frozenset({"error", "cancelled"})


class QwenReader(EntryReader):
    """Reads one history."""

    def entry(self, entry: Mapping[str, Any], facts: list[Fact]) -> bool:
        kind, timestamp = entry.get("type"), instant(entry.get("timestamp"))
        if kind is None:
            return True
        if timestamp is None:
            return False
        self.session = text(entry.get("sessionId")) or self.session
        self.is_sidechain = entry.get("isSidechain") is True
        self.locate(short(entry.get("cwd")), text(entry.get("gitBranch")), text(entry.get("version")))
        self.tell_moment(timestamp, facts)
        if kind == "system" and entry.get("subtype") == "ui_telemetry":
            self._event(mapping(mapping(entry.get("systemPayload")).get("uiEvent")), timestamp, facts)
        elif kind == "assistant":
            self._reply(entry, timestamp, facts)
        elif kind == "tool_result":
            self._result(entry, timestamp, facts)
        elif kind == "user" and self.session is not None and not self.is_sidechain:
            facts.append(SessionMoment(timestamp, self.session, "prompt", self.where))
        return True

    def _event(self, event: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        name = plain(event.get("event.name")).removeprefix("qwen-code.")
        when = instant(event.get("event.timestamp")) or timestamp
        if name == "api_response":
            self.flags["has_events"] = True
            agent = text(event.get("subagent_name"))
            self._usage(
                when, text(event.get("response_id")), text(event.get("model")), agent,
                count(event.get("input_token_count")), count(event.get("cached_content_token_count")),
                count(event.get("output_token_count")), count(event.get("thoughts_token_count")), facts,
            )  # fmt: skip
        elif name == "api_error":
            self.sequence += 1
            code = event.get("status_code")
            facts.append(
                Usage(
                    timestamp=when,
                    session_id=self.session,
                    identity=("failed", text(event.get("response_id")), text(event.get("prompt_id")), when),
                    sequence=self.sequence,
                    is_update=False,
                    is_sidechain=text(event.get("subagent_name")) is not None,
                    where=self.where,
                    model=text(event.get("model")) or self.model,
                    success=False,
                    error_code=str(code) if type(code) is int else text(event.get("error_type"), 60),
                )
            )

    def _reply(self, entry: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        self.model = text(entry.get("model")) or self.model
        usage = mapping(entry.get("usageMetadata"))
        if usage and not self.flags.get("has_events"):
            self._usage(
                timestamp, text(entry.get("uuid")), self.model, None,
                count(usage.get("promptTokenCount")), count(usage.get("cachedContentTokenCount")),
                count(usage.get("candidatesTokenCount")), count(usage.get("thoughtsTokenCount")), facts,
            )  # fmt: skip
        parts = mapping(entry.get("message")).get("parts")
        for part in parts if isinstance(parts, list) else ():
            call = mapping(mapping(part).get("functionCall"))
            call_id, name = text(call.get("id")), text(call.get("name"))
            if call_id is not None and name is not None:
                self.open_call(timestamp, call_id, name, call.get("args"), facts, is_sidechain=self.is_sidechain)

    def _usage(
        self, timestamp: Instant, reply: str | None, model: str | None, agent: str | None, whole: int | None,
        cached: int | None, output: int | None, thoughts: int | None, facts: list[Fact],
    ) -> None:  # fmt: skip
        if whole is None and output is None:
            return
        numbers = [max(0, (whole or 0) - (cached or 0)), cached or 0, output or 0]
        sequence, is_update = self.is_new(reply or f"at {timestamp}", numbers)
        if sequence is None:
            return
        named = reply if self.flags.get("has_events") else None
        facts.append(
            Usage(
                timestamp=timestamp,
                session_id=self.session,
                identity=(reply or timestamp, *numbers),
                sequence=sequence,
                is_update=is_update,
                is_sidechain=agent is not None or self.is_sidechain,
                where=self.where,
                model=model or self.model,
                agent_name=agent,
                request_id=named,
                message_id=reply if named is None else None,
                input_tokens=numbers[0],
                cache_read_tokens=numbers[1],
                output_tokens=numbers[2],
                reasoning_tokens=thoughts,
            )
        )

    def _result(self, entry: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        result = mapping(entry.get("toolCallResult"))
        call_id, status = text(result.get("callId")), text(result.get("status"))
        if call_id is not None:
            failed = status in FAILED
            error_type = text(result.get("errorType"), 60) or str(status) if failed else None
            self.close_call(timestamp, call_id, not failed, error_type, plain(result.get("resultDisplay")), facts)
