"""Gemini CLI's histories: `~/.gemini/tmp/<project>/chats/session-*.jsonl`, one more file for each sub-agent. Older
releases wrote `session-*.json`: the same head with all messages in it, as one object.

Owns the meaning of their lines: a head with the session, then messages, of which a reply is written again when its
tools are done. Input arrives with cache and is told without; output without thoughts and is told with them. A
sub-agent's file has a session of its own: the call that started it names it, and ties it to its parent. Refuses text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine.agents.transcripts.entries import EntryReader, plain, short
from engine.agents.transcripts.facts import Fact, Instant, SessionMoment, Usage
from engine.agents.transcripts.reader import count, instant, load, mapping, text

FAILED = frozenset({"error", "cancelled"})
DONE = FAILED | {"success"}
NOT_PROMPTS = ("<session_context>",)


def lines_of_document(content: bytes) -> list[bytes] | None:
    """Head and messages of an older release's file, each as a line; None when it is not whole."""
    document = load(content)
    messages = document.pop("messages", None) if document is not None else None
    if document is None or not isinstance(messages, list):
        return None
    return [json.dumps(entry).encode() for entry in (document, *messages)]


class GeminiReader(EntryReader):
    """Reads one history."""

    def entry(self, entry: Mapping[str, Any], facts: list[Fact]) -> bool:
        if "$set" in entry:
            return True
        kind = entry.get("type")
        if kind is None:
            if "sessionId" in entry:
                self._head(entry, facts)
            return True
        timestamp = instant(entry.get("timestamp"))
        if timestamp is None:
            return False
        if kind == "gemini":
            self._reply(entry, timestamp, facts)
        elif kind == "user":
            self._prompt(entry, timestamp, facts)
        return True

    def _head(self, entry: Mapping[str, Any], facts: list[Fact]) -> None:
        self.session = text(entry.get("sessionId"))
        self.is_sidechain = entry.get("kind") == "subagent"
        folders = entry.get("directories")
        self.locate(short(folders[0]) if isinstance(folders, list) and folders else None, None, None)
        started = instant(entry.get("startTime"))
        if started is not None:
            self.tell_moment(started, facts)

    def _reply(self, entry: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        self.model = text(entry.get("model")) or self.model
        message_id = text(entry.get("id"))
        tokens = mapping(entry.get("tokens"))
        told, output = count(tokens.get("input")), count(tokens.get("output"))
        if message_id is not None and (told is not None or output is not None):
            cached, thoughts = count(tokens.get("cached")) or 0, count(tokens.get("thoughts")) or 0
            whole = (told or 0) + (count(tokens.get("tool")) or 0)
            numbers = [max(0, whole - cached), cached, (output or 0) + thoughts]
            sequence, is_update = self.is_new(message_id, numbers)
            if sequence is not None:
                facts.append(
                    Usage(
                        timestamp=timestamp,
                        session_id=self.session,
                        identity=(message_id, *numbers),
                        sequence=sequence,
                        is_update=is_update,
                        is_sidechain=self.is_sidechain,
                        where=self.where,
                        model=self.model,
                        message_id=message_id,
                        input_tokens=numbers[0],
                        cache_read_tokens=cached,
                        output_tokens=numbers[2],
                        reasoning_tokens=thoughts,
                    )
                )
        calls = entry.get("toolCalls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                self._call(call, timestamp, facts)

    def _call(self, call: Mapping[str, Any], began: Instant, facts: list[Fact]) -> None:
        call_id, name, status = text(call.get("id")), text(call.get("name")), text(call.get("status"))
        if call_id is None or name is None or status not in DONE:
            return
        ended = instant(call.get("timestamp")) or began
        child = text(call.get("agentId"))
        if child is not None and self.session is not None:
            facts.append(SessionMoment(began, child, "parent", self.where, parent_session_id=self.session))
        if self.is_new(f"call {call_id}", [])[0] is None:
            return
        self.open_call(began, call_id, name, call.get("args"), facts, is_sidechain=self.is_sidechain)
        error_type = str(status) if status in FAILED else None
        self.close_call(ended, call_id, status not in FAILED, error_type, plain(call.get("resultDisplay")), facts)

    def _prompt(self, entry: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        """Results of tools are users' messages too, and so is what the program tells the model of itself."""
        content = entry.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        words = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
        if self.session is None or self.is_sidechain or not words or words[0].startswith(NOT_PROMPTS):
            return
        facts.append(SessionMoment(timestamp, self.session, "prompt", self.where))
