"""Codex's rollouts: `sessions/YYYY/MM/DD/rollout-*.jsonl` and `archived_sessions/`.

Owns the meaning of their lines. Tokens come from `token_usage_record` (one per response) where the release writes it,
else as positive differences of the running total of `token_count`; a total that is repeated tells nothing, and both
forms in one file tell each request once. Input arrives with cache and is told without. History that a fork or a
sub-agent copied from its parent (`codex_history.py` decides) only moves the running total. Refuses text: of a line only
identifiers, numbers and times are looked at, of a tool's output only its exit code and the hash of a commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import orjson

from engine.agents import arguments
from engine.agents.transcripts.calls import OpenCall, OpenCalls
from engine.agents.transcripts.codex_history import Lineage
from engine.agents.transcripts.codex_values import Tokens, command_of, difference, output_of, tokens_of
from engine.agents.transcripts.commits import commit_folder, named_commits
from engine.agents.transcripts.facts import Fact, Instant, SessionMoment, Surroundings, Usage
from engine.agents.transcripts.reader import (
    Workplace,
    count,
    instant,
    is_broken,
    load,
    mapping,
    pack,
    text,
    unpack,
)

RECENT_RESPONSES = 64
CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call"})
OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})

# Top-level types, and types of payloads below response_item and event_msg, that can tell us nothing: most of a
# rollout's bytes. They are recognised in the head of the line, so that the rest of it need not be parsed.
_HEAD = re.compile(
    rb'\{\s*"timestamp"\s*:\s*"[^"\\]*"\s*,\s*(?:"ordinal"\s*:\s*\d+\s*,\s*)?"type"\s*:\s*"(\w+)"\s*,\s*'
    rb'"payload"\s*:\s*\{\s*(?:"type"\s*:\s*"(\w+)")?'
)
_UNUSED = frozenset({b"compacted", b"world_state"})
_UNUSED_PAYLOADS = frozenset(
    {
        b"message",
        b"reasoning",
        b"agent_message",
        b"agent_reasoning",
        b"agent_reasoning_raw_content",
        b"agent_reasoning_section_break",
        b"turn_diff",
        b"web_search_call",
        b"exec_command_begin",
        b"exec_command_output_delta",
        b"raw_response_item",
        b"thread_settings_applied",
    }
)
_NESTED = frozenset({b"response_item", b"event_msg"})


class CodexReader:
    """Reads one rollout."""

    version: ClassVar[int] = 2

    def __init__(self, workplace: Workplace, kept: bytes | None = None) -> None:
        self._workplace = workplace
        state: dict[str, Any] = orjson.loads(kept) if kept else {}
        self._lineage = Lineage(**state.get("lineage", {}))
        self._where = unpack(state["where"]) if "where" in state else Surroundings()
        self._cwd: str | None = state.get("cwd")
        self._model: str | None = state.get("model")
        self._sequence: int = state.get("sequence", 0)
        total = state.get("total")
        self._total: Tokens | None = tuple(total) if total is not None else None
        self._has_records: bool = state.get("has_records", False)
        self._responses: list[str] = state.get("responses", [])
        self._prompt_form: str | None = state.get("prompt_form")
        self._calls = OpenCalls(state.get("calls"))

    def state(self) -> bytes:
        return orjson.dumps(
            {
                "lineage": self._lineage,
                "where": pack(self._where),
                "cwd": self._cwd,
                "model": self._model,
                "sequence": self._sequence,
                "total": self._total,
                "has_records": self._has_records,
                "responses": self._responses,
                "prompt_form": self._prompt_form,
                "calls": self._calls.kept(),
            }
        )

    def read(self, lines: Iterable[bytes], facts: list[Fact]) -> int:
        broken = 0
        for line in lines:
            if is_unused(line):
                broken += is_broken(line)
                continue
            entry = load(line)
            if entry is None:
                broken += bool(line.strip())
                continue
            payload = entry.get("payload")
            timestamp = instant(entry.get("timestamp"))
            if not isinstance(payload, dict):  # the form of releases that counted no tokens
                continue
            if timestamp is None:
                broken += 1
                continue
            self._line(entry, payload, timestamp, facts)
        return broken

    def _line(
        self, entry: Mapping[str, Any], payload: Mapping[str, Any], timestamp: Instant, facts: list[Fact]
    ) -> None:
        lineage, kind, what = self._lineage, text(entry.get("type")), text(payload.get("type"))
        if kind == "session_meta":
            self._meta(payload, timestamp, facts)
            return
        if kind == "turn_context" or what == "task_started":
            lineage.turn_began(payload)
        inherited = lineage.is_inherited(timestamp, entry.get("ordinal"))
        if kind == "turn_context":
            self._turn(payload, timestamp, inherited, facts)
        elif kind == "token_usage_record":
            self._record(payload, timestamp, facts)
        elif what == "token_count":
            self._running_total(mapping(payload.get("info")), timestamp, inherited, facts)
        elif inherited:
            return
        elif what in CALLS:
            self._call(payload, timestamp, facts)
        elif what in OUTPUTS:
            self._output(payload, timestamp, facts)
        elif what == "item_completed":
            self._item(mapping(payload.get("item")), timestamp, facts)
        elif what in ("exec_command_end", "mcp_tool_call_end", "patch_apply_end"):
            self._legacy_end(payload)
        elif what == "user_message":
            self._prompt("user_message", timestamp, facts)
        elif what == "task_complete":
            self._failure(mapping(payload.get("error")), timestamp, facts)

    def _meta(self, payload: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        """The first one owns the file; a later one of the same thread is a resume, of another thread a copy."""
        is_first = not self._lineage.is_met
        if not self._lineage.met(payload, timestamp):
            return
        git = mapping(payload.get("git"))
        branch = text(git.get("branch"))
        self._move(payload.get("cwd"), branch, text(payload.get("cli_version")))
        lineage = self._lineage
        if is_first and lineage.is_subagent and lineage.thread_id is not None and lineage.parent_id is not None:
            facts.append(
                SessionMoment(timestamp, lineage.thread_id, "parent", self._where, parent_session_id=lineage.parent_id)
            )
        elif is_first:
            self._tell("start", timestamp, facts)

    def _move(self, cwd: object, branch: str | None = None, version: str | None = None) -> bool:
        """Take in where the agent works now; whether that is another project, branch or release than before."""
        before = self._where
        project, cwd_hash = before.project, before.cwd_hash
        if (folder := text(cwd, 4096)) is not None:
            self._cwd = folder
            project, cwd_hash = self._workplace.place(folder)
        self._where = Surroundings(project, cwd_hash, branch or before.branch, version or before.version)
        return (project, self._where.branch, self._where.version) != (before.project, before.branch, before.version)

    def _tell(self, event: str, timestamp: Instant, facts: list[Fact]) -> None:
        if self._lineage.thread_id is not None:
            facts.append(SessionMoment(timestamp, self._lineage.thread_id, event, self._where))

    def _turn(self, payload: Mapping[str, Any], timestamp: Instant, inherited: bool, facts: list[Fact]) -> None:
        self._model = text(payload.get("model")) or self._model
        if not inherited and self._move(payload.get("cwd")):
            self._tell("context", timestamp, facts)

    def _record(self, payload: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        """`token_usage_record`: one response of one thread, with ids."""
        tokens = tokens_of(payload.get("usage"))
        thread = text(payload.get("thread_id"))
        if not self._lineage.is_met and self._lineage.thread_id is None:  # the head of the file is gone
            self._lineage.thread_id = thread
        if tokens is None or (thread is not None and thread != self._lineage.thread_id):
            return
        total = tokens_of(payload.get("thread_token_usage"))
        told_before = not self._has_records and total is not None and total == self._total
        self._has_records = True
        self._total = total if total is not None else self._total
        response = text(payload.get("response_id"))
        if response is not None:
            if response in self._responses:
                return
            self._responses = [*self._responses[1 - RECENT_RESPONSES :], response]
        if not told_before:
            self._usage(tokens, timestamp, response, (response,) if response else (total, timestamp), facts)

    def _running_total(self, info: Mapping[str, Any], timestamp: Instant, inherited: bool, facts: list[Fact]) -> None:
        """`token_count`: totals since the thread began, written again whenever anything about limits changes."""
        total, last = tokens_of(info.get("total_token_usage")), tokens_of(info.get("last_token_usage"))
        if total is None:
            return
        before = self._total
        self._total = total
        if inherited or self._has_records:
            return
        if before is None and self._lineage.is_child and last is not None:
            grown: Tokens | None = last  # the total may have begun in the parent
        else:
            grown = difference(total, before or (0, 0, 0, 0, 0), last)
        if grown is not None:
            self._usage(grown, timestamp, None, (total, timestamp), facts)

    def _usage(
        self, tokens: Tokens, timestamp: Instant, response: str | None, identity: tuple[object, ...], facts: list[Fact]
    ) -> None:
        whole, cached, written, output, reasoning = tokens
        self._sequence += 1
        facts.append(
            Usage(
                timestamp=timestamp,
                session_id=self._lineage.thread_id,
                parent_session_id=self._lineage.parent_id if self._lineage.is_subagent else None,
                identity=(*identity, *tokens),
                sequence=self._sequence,
                is_update=False,
                is_sidechain=self._lineage.is_subagent,
                agent_name=self._lineage.agent_name,
                where=self._where,
                model=self._model,
                request_id=response,
                input_tokens=max(0, whole - cached - written),
                cache_read_tokens=cached,
                cache_write_unknown_tokens=written,
                output_tokens=output,
                reasoning_tokens=reasoning,
            )
        )

    def _failure(self, error: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        """A turn that ended because requests failed for good; its attempts are not in the rollout."""
        reason = error.get("codex_error_info")
        if not error:
            return
        code: str | None = text(reason, 60)
        if isinstance(reason, dict) and reason:
            code, detail = next(iter(reason.items()))
            status = mapping(detail).get("http_status_code")
            code = str(status) if count(status) is not None else text(code, 60)
        self._sequence += 1
        facts.append(
            Usage(
                timestamp=timestamp,
                session_id=self._lineage.thread_id,
                parent_session_id=self._lineage.parent_id if self._lineage.is_subagent else None,
                identity=("failed", timestamp),
                sequence=self._sequence,
                is_update=False,
                is_sidechain=self._lineage.is_subagent,
                agent_name=self._lineage.agent_name,
                where=self._where,
                model=self._model,
                success=False,
                error_code=code,
            )
        )

    def _prompt(self, form: str, timestamp: Instant, facts: list[Fact]) -> None:
        """Releases write a prompt in one form or another, some in both: the first form seen counts for the file."""
        if self._prompt_form is None:
            self._prompt_form = form
        if form == self._prompt_form and not self._lineage.is_subagent:
            self._tell("prompt", timestamp, facts)

    def _call(self, payload: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        call_id = text(payload.get("call_id"))
        name = text(payload.get("name")) or ("local_shell" if payload.get("type") == "local_shell_call" else None)
        if call_id is None or name is None:
            return
        given = arguments.read(payload.get("arguments", payload.get("input", payload.get("action"))))
        call = OpenCall(
            timestamp=timestamp,
            session_id=self._lineage.thread_id,
            is_sidechain=self._lineage.is_subagent,
            tool_name=name,
            file_extension=arguments.file_extension(given),
            arguments_hash=arguments.hashed(self._workplace.hash_key, name, given),
        )
        command = command_of(mapping(given))
        if arguments.commits(command):
            call.is_git_commit = True
            call.commit_project = self._project_of_commit(
                command, text(mapping(given).get("workdir"), 4096) or self._cwd
            )
        facts.extend(self._calls.open(call_id, call))

    def _project_of_commit(self, command: str, cwd: str | None) -> list[str | None] | None:
        if cwd is None:
            return pack(self._where)[:3]
        project, _ = self._workplace.place(commit_folder(command, cwd))
        return [project.project_id, project.name, project.remote_url]

    def _item(self, item: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        """What a finished item adds: a prompt, or the exit code of a command that is still open."""
        if item.get("type") == "UserMessage":
            self._prompt("item_completed", timestamp, facts)
        elif item.get("type") == "CommandExecution":
            self._ended(text(item.get("id")), item.get("exit_code"))

    def _legacy_end(self, payload: Mapping[str, Any]) -> None:
        """The older form of the same: `exec_command_end` and its kin."""
        code = payload.get("exit_code")
        if code is None and isinstance(payload.get("success"), bool):
            code = 0 if payload["success"] else 1
        self._ended(text(payload.get("call_id")), code)

    def _ended(self, call_id: str | None, exit_code: object) -> None:
        call = self._calls.get(call_id) if call_id is not None else None
        if call is not None and type(exit_code) is int and abs(exit_code) < 1 << 31:
            call.exit_code = exit_code

    def _output(self, payload: Mapping[str, Any], timestamp: Instant, facts: list[Fact]) -> None:
        call_id = text(payload.get("call_id"))
        call = self._calls.get(call_id) if call_id is not None else None
        if call_id is None or call is None:
            return
        output, success, code = output_of(payload.get("output"))
        if call.exit_code is not None:
            code = call.exit_code
        if code is not None:
            success = code == 0
        error_type = None
        if success is False:
            error_type = f"exit_code_{code}" if code is not None else "error"
        commits = named_commits(output) if call.is_git_commit else []
        facts.extend(self._calls.close(call_id, timestamp, success, error_type, commits))


def is_unused(line: bytes) -> bool:
    """Whether the head of a line shows that it can tell nothing."""
    head = _HEAD.match(line)
    if head is None:  # written in another order, or by another hand: it is read whole
        return False
    kind, what = head.groups()
    return kind in _UNUSED or (kind in _NESTED and what in _UNUSED_PAYLOADS)
