"""Claude Code's transcripts: `projects/<folder>/<session>.jsonl` and `<session>/subagents/agent-*.jsonl` below it.

Owns the meaning of their lines. One reply is written as several lines that repeat its usage, with output that grows;
each distinct state is told once and the models keep the largest per (message id, request id). Sub-agents are recognised
by what their lines say (`isSidechain`, `agentId`), never by a folder, and carry their parent's session id. Refuses
text: of a line only identifiers, numbers and times are looked at, of a tool's output only the hash of a commit.
The format is internal to the agent and changes; what is missing is unknown, not an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

import orjson

from engine.agents import arguments
from engine.agents.transcripts.calls import OpenCall, OpenCalls
from engine.agents.transcripts.commits import commit_folder, named_commits
from engine.agents.transcripts.facts import Fact, Instant, SessionMoment, Surroundings, Usage
from engine.agents.transcripts.reader import (
    Workplace,
    count,
    has_escaped_letters,
    instant,
    is_broken,
    load,
    mapping,
    pack,
    text,
    unpack,
)

RECENT_REPLIES = 64
"""Replies whose last state is kept in mind: blocks of parallel replies interleave, but never over many."""
SESSIONS_OF_A_FILE = 32
"""A file is of one session; a resumed one may carry lines of those before it."""
HEAD_BYTES = 500
SYNTHETIC_MODEL = "<synthetic>"

_ERROR_STATUS = re.compile(r"API Error: (\d{3})\b")
_EXIT_CODE = re.compile(r"(?:Error: )?Exit code (\d{1,3})\b")
_ERROR_NAME = re.compile(r"<tool_use_error>([A-Z]\w{1,40}Error)\b")
_REFUSED = "The user doesn't want to"
_NOT_PROMPTS = ("<local-command-", "<command-stdout>", "<bash-stdout>", "<bash-stderr>", "[Request interrupted by user")


class Line(NamedTuple):
    """One line of a user or an assistant: the parsed object and what its parts are needed for everywhere."""

    entry: Mapping[str, Any]
    message: Mapping[str, Any]
    timestamp: Instant
    session: str | None
    is_sidechain: bool
    where: Surroundings


class ClaudeCodeReader:
    """Reads one transcript."""

    version: ClassVar[int] = 1

    def __init__(self, workplace: Workplace, kept: bytes | None = None) -> None:
        self._workplace = workplace
        state: dict[str, Any] = orjson.loads(kept) if kept else {}
        self._sequence: int = state.get("sequence", 0)
        self._model: str | None = state.get("model")
        self._where = unpack(state["where"]) if "where" in state else Surroundings()
        self._told: dict[str, list[str | None]] = state.get("told", {})
        self._replies: dict[str, list[Any]] = state.get("replies", {})
        self._main_replies: dict[str, None] = dict.fromkeys(state.get("main_replies", ()))
        self._calls = OpenCalls(state.get("calls"))
        self._session: str | None = None
        self._seen: tuple[object, ...] | None = None
        self._last: tuple[object, ...] | None = None

    def state(self) -> bytes:
        return orjson.dumps(
            {
                "sequence": self._sequence,
                "model": self._model,
                "where": pack(self._where),
                "told": self._told,
                "replies": self._replies,
                "main_replies": list(self._main_replies),
                "calls": self._calls.kept(),
            }
        )

    def read(self, lines: Iterable[bytes], facts: list[Fact]) -> int:
        broken = 0
        for line in lines:
            # In a string quotes are escaped, so these words with bare quotes are values: other lines need no parsing.
            # They stand near the beginning, where they are looked for first.
            if (
                line.find(b'"assistant"', 0, HEAD_BYTES) < 0
                and line.find(b'"user"', 0, HEAD_BYTES) < 0
                and b'"assistant"' not in line
                and b'"user"' not in line
                and not has_escaped_letters(line)
            ):
                broken += is_broken(line)
                continue
            entry = load(line)
            if entry is None:
                broken += 1
                continue
            kind = entry.get("type")
            if kind != "assistant" and kind != "user":
                continue
            timestamp = instant(entry.get("timestamp"))
            message = entry.get("message")
            if timestamp is None or not isinstance(message, dict):
                broken += 1
                continue
            is_sidechain = entry.get("isSidechain") is True or "agentId" in entry
            seen = (
                entry.get("sessionId"),
                entry.get("cwd"),
                entry.get("gitBranch"),
                entry.get("version"),
                is_sidechain,
            )
            if seen != self._seen:
                self._seen = seen
                self._session = text(seen[0])
                self._where = self._surroundings(seen[1], seen[2], seen[3])
                if self._session is not None and not is_sidechain:
                    self._tell_moment(timestamp, self._session, self._where, facts)
            told = Line(entry, message, timestamp, self._session, is_sidechain, self._where)
            if kind == "assistant":
                self._reply(told, facts)
            else:
                self._input(told, facts)
        return broken

    def _surroundings(self, folder: object, git_branch: object, version: object) -> Surroundings:
        """Where a line was written; what it does not say is as it was before."""
        before = self._where
        cwd, branch = text(folder, 4096), text(git_branch)
        project, cwd_hash = (before.project, before.cwd_hash) if cwd is None else self._workplace.place(cwd)
        if branch is None:
            branch = before.branch
        elif branch == "HEAD":  # what the agent writes outside of git and on no branch
            branch = None
        return Surroundings(project, cwd_hash, branch, text(version) or before.version)

    def _tell_moment(self, timestamp: Instant, session: str, where: Surroundings, facts: list[Fact]) -> None:
        """Tells when a session starts, or goes on in another project, on another branch or with another release."""
        place = [where.project.project_id if where.project is not None else None, where.branch, where.version]
        told = self._told.get(session)
        if told == place:
            return
        self._told[session] = place
        facts.append(SessionMoment(timestamp, session, "start" if told is None else "context", where))
        if len(self._told) > SESSIONS_OF_A_FILE:
            del self._told[next(iter(self._told))]

    def _reply(self, line: Line, facts: list[Fact]) -> None:
        failed = line.entry.get("isApiErrorMessage") is True
        if failed:
            self._failure(line, facts)
        elif line.message.get("model") != SYNTHETIC_MODEL:
            self._usage(line, facts)
        content = line.message.get("content")
        if isinstance(content, list):
            for block in content:
                if isinstance(block, dict) and block.get("type") == "tool_use":
                    self._call(line, block, facts)

    def _usage(self, line: Line, facts: list[Fact]) -> None:
        entry, message, timestamp, session, is_sidechain, where = line
        usage, message_id, request_id = message.get("usage"), message.get("id"), entry.get("requestId")
        if not isinstance(usage, dict):
            return
        told = (message_id, request_id, usage, is_sidechain)
        if told == self._last:
            return  # one more block of the reply before
        message_id, request_id = text(message_id), text(request_id)
        self._last = told if message_id is not None else None
        get = usage.get
        input_tokens, output_tokens = count(get("input_tokens")), count(get("output_tokens"))
        if input_tokens is None and output_tokens is None:
            return
        read = count(get("cache_read_input_tokens")) or 0
        written = count(get("cache_creation_input_tokens")) or 0
        split = mapping(get("cache_creation"))
        written_5m = count(split.get("ephemeral_5m_input_tokens")) or 0
        written_1h = count(split.get("ephemeral_1h_input_tokens")) or 0
        tokens = [input_tokens or 0, read, written, written_5m, written_1h, output_tokens or 0]
        if message_id is not None:
            if not is_sidechain:
                self._main_replies[message_id] = None
                if len(self._main_replies) > RECENT_REPLIES:
                    del self._main_replies[next(iter(self._main_replies))]
            elif message_id in self._main_replies:
                return  # a side chain repeats its parent's reply under another request id
        sequence, is_update = self._place_in_order(message_id, request_id, tokens)
        if sequence is None:
            return
        identity: tuple[object, ...] = (message_id, request_id, is_sidechain, *tokens)
        if message_id is None and request_id is None:
            # Lines of old releases have no ids: the line's own id, else its time, tells equal requests apart.
            identity = (*identity, text(entry.get("uuid")) or timestamp)
        model = text(message.get("model"))
        if not is_sidechain:
            self._model = model or self._model
        facts.append(
            Usage(
                timestamp=timestamp,
                session_id=session,
                identity=identity,
                sequence=sequence,
                is_update=is_update,
                is_sidechain=is_sidechain,
                where=where,
                model=model,
                agent_name=text(entry.get("attributionAgent")) if is_sidechain else None,
                request_id=request_id,
                message_id=message_id,
                input_tokens=input_tokens or 0,
                cache_read_tokens=read,
                cache_write_5m_tokens=written_5m,
                cache_write_1h_tokens=written_1h,
                cache_write_unknown_tokens=max(0, written - written_5m - written_1h),
                output_tokens=output_tokens or 0,
                reasoning_tokens=count(mapping(get("output_tokens_details")).get("thinking_tokens")),
                cost_usd=money(entry.get("costUSD")),
                speed=text(get("speed"), 40),
                service_tier=text(get("service_tier"), 40),
            )
        )

    def _place_in_order(
        self, message_id: str | None, request_id: str | None, tokens: list[int]
    ) -> tuple[int | None, bool]:
        """(sequence, whether the request was told before); no sequence when nothing changed since."""
        if message_id is None:
            self._sequence += 1
            return self._sequence, False
        key = f"{message_id} {request_id or ''}"
        known = self._replies.pop(key, None)
        if known is None:
            self._sequence += 1
            self._replies[key] = [self._sequence, tokens]
            if len(self._replies) > RECENT_REPLIES:
                del self._replies[next(iter(self._replies))]
            return self._sequence, False
        self._replies[key] = [known[0], tokens]
        return (None if known[1] == tokens else known[0]), True

    def _failure(self, line: Line, facts: list[Fact]) -> None:
        """The agent writes one line when it gives a request up; its text begins with the status."""
        found = _ERROR_STATUS.search(first_text(line.message.get("content")))
        named = text(line.entry.get("error"), 60)
        self._sequence += 1
        message_id, request_id = text(line.message.get("id")), text(line.entry.get("requestId"))
        facts.append(
            Usage(
                timestamp=line.timestamp,
                session_id=line.session,
                identity=("failed", message_id, request_id, text(line.entry.get("uuid")) or line.timestamp),
                sequence=self._sequence,
                is_update=False,
                is_sidechain=line.is_sidechain,
                where=line.where,
                # The line names no model; that of the session's last reply lets other sources' telling meet this one.
                model=None if line.is_sidechain else self._model,
                request_id=request_id,
                message_id=message_id,
                success=False,
                error_code=found[1] if found is not None else (named if named and named.isidentifier() else None),
            )
        )

    def _call(self, line: Line, block: Mapping[str, Any], facts: list[Fact]) -> None:
        tool_use_id, name = text(block.get("id")), text(block.get("name"))
        if tool_use_id is None or name is None:
            return
        given = mapping(block.get("input"))
        call = OpenCall(
            timestamp=line.timestamp,
            session_id=line.session,
            is_sidechain=line.is_sidechain,
            tool_name=name,
            file_extension=arguments.file_extension(given),
            arguments_hash=arguments.hashed(self._workplace.hash_key, name, given),
        )
        command = given.get("command")
        if isinstance(command, str) and arguments.commits(command):
            call.is_git_commit = True
            cwd = text(line.entry.get("cwd"), 4096)
            if cwd is not None:
                project, _ = self._workplace.place(commit_folder(command, cwd))
                call.commit_project = [project.project_id, project.name, project.remote_url]
        facts.extend(self._calls.open(tool_use_id, call))

    def _input(self, line: Line, facts: list[Fact]) -> None:
        """A line of the user's side: results of tools, or a prompt."""
        content = line.message.get("content")
        results = [block for block in content if is_result(block)] if isinstance(content, list) else []
        for block in results:
            tool_use_id = text(block.get("tool_use_id"))
            call = self._calls.get(tool_use_id) if tool_use_id is not None else None
            if tool_use_id is None or call is None:
                continue
            failed = block.get("is_error") is True
            output = first_text(block.get("content")) if failed or call.is_git_commit else ""
            commits: list[str] = []
            if call.is_git_commit:
                operation = mapping(mapping(line.entry.get("toolUseResult")).get("gitOperation"))
                told = arguments.commit_sha(mapping(operation.get("commit")).get("sha"))
                commits = named_commits(output) or ([told] if told is not None else [])
            error_type = failure_kind(output) if failed else None
            facts.extend(self._calls.close(tool_use_id, line.timestamp, not failed, error_type, commits))
        if results or line.session is None or line.is_sidechain:
            return
        if line.entry.get("isMeta") is True or line.entry.get("isCompactSummary") is True:
            return
        prompt = first_text(content)
        if content and not prompt.startswith(_NOT_PROMPTS):
            facts.append(SessionMoment(line.timestamp, line.session, "prompt", line.where))


def is_result(block: object) -> bool:
    """Whether a content block is the result of a tool."""
    return isinstance(block, dict) and block.get("type") == "tool_result"


def first_text(content: object) -> str:
    """The text of a message's content, or of its first text block; looked at, never kept."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        for block in content:
            if isinstance(block, dict) and isinstance(block.get("text"), str):
                found: str = block["text"]
                return found
    return ""


def failure_kind(output: str) -> str:
    """Why a tool call failed, as one word: `rejected`, `exit_code_2`, the name of an error, or `error`."""
    if output.startswith(_REFUSED):
        return "rejected"
    found = _EXIT_CODE.match(output)
    if found is not None:
        return f"exit_code_{found[1]}"
    named = _ERROR_NAME.match(output)
    return named[1] if named is not None else "error"


def money(value: object) -> Decimal | None:
    """US dollars as the history tells them, or None."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1_000_000:
        return Decimal(str(value))
    return None
