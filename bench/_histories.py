"""Histories as Claude Code and Codex leave them on a busy developer's disk, made from a seed.

Owns the shapes of the lines (those of tests/fixtures, with the long texts that were cut there put back) and their
proportions, which are assumptions about busy histories: of Claude Code's bytes two thirds are what tools returned
(written twice, for the model and for the screen; an edit carries the whole file that it changed), three tenths are
replies, which repeat their usage on each of their blocks; of Codex's bytes six tenths are outputs, a fifth is encrypted
reasoning, and a `token_count` follows each response. Nearly half of the lines name tokens, in less than a quarter of
the bytes. Nothing is anybody's text: words and code are invented.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CLAUDE_SHARE = 0.7
PROJECTS = 12
DAYS = 28
END = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
MODELS = (("claude-opus-4-8", 3), ("claude-sonnet-4-6", 5), ("claude-haiku-4-5-20251001", 1))
CODEX_MODELS = ("gpt-5.1-codex", "gpt-5.1-codex-mini", "gpt-5.1")
TEXTS_A_SIZE = 64
SIZES = (60, 250, 700, 1_500, 3_000, 6_000, 12_000, 24_000, 60_000, 200_000)
"""Characters of the prepared texts."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was written: files, lines, bytes, and the lines and bytes of those that name tokens."""

    files: int
    lines: int
    bytes: int
    usage_lines: int
    usage_bytes: int
    requests: int


class Writer:
    """Makes lines; equal seeds make equal bytes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines = self.bytes = self.usage_lines = self.usage_bytes = self.requests = self.files = 0
        words = "value count find result path token store reader index session update parse open close line".split()  # noqa: SIM905
        self._texts = {size: [self._text(words, size) for _ in range(TEXTS_A_SIZE)] for size in SIZES}
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        self._noise = "".join(self.random.choices(alphabet, k=200_000))

    def _text(self, words: list[str], size: int) -> str:
        """Code-like text, escaped as JSON writes it."""
        choice, lines, length = self.random.choice, [], 0
        while length < size:
            kind = self.random.random()
            if kind < 0.6:
                line = " " * choice((0, 4, 4, 8, 8, 12))
                line += f"{choice(words)}_{choice(words)} = {choice(words)}({choice(words)}, "
                line += f'"{choice(words)}")' if kind < 0.2 else f"{self.random.randrange(1000)})"
            elif kind < 0.9:
                line = "    " + " ".join(choice(words) for _ in range(self.random.randrange(3, 12)))
            else:
                line = choice(("", "\t}", "# — " + choice(words), "assert x['usage'] is not None", 'say "user" twice'))
            lines.append(line)
            length += len(line) + 1
        return json.dumps("\n".join(lines)[:size], ensure_ascii=False)[1:-1]

    def text(self, mean: int) -> str:
        """A text of about that many characters, with a heavy tail; no two are quite the same."""
        wanted = mean * self.random.lognormvariate(-0.4, 0.9)
        size = min(SIZES, key=lambda prepared: abs(prepared - wanted))
        return f"{self.random.getrandbits(32):x} {self.random.choice(self._texts[size])}"

    def noise(self, mean: int) -> str:
        """What encrypted text looks like."""
        length = int(mean * self.random.uniform(0.4, 1.8))
        start = self.random.randrange(len(self._noise) - length)
        return self._noise[start : start + length]

    def name(self, length: int = 24) -> str:
        return f"{self.random.getrandbits(4 * length):0{length}x}"

    def uuid(self) -> str:
        digits = self.name(32)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def write(self, path: Path, lines: Iterator[tuple[str, bool]], modified: datetime) -> int:
        """Write one file of (line, whether it names tokens); returns its size."""
        path.parent.mkdir(parents=True, exist_ok=True)
        encoded = []
        for line, names_tokens in lines:
            data = line.encode()
            encoded.append(data)
            self.lines += 1
            if names_tokens:
                self.usage_lines += 1
                self.usage_bytes += len(data) + 1
        whole = b"\n".join(encoded) + b"\n"
        path.write_bytes(whole)
        os.utime(path, (modified.timestamp(), modified.timestamp()))
        self.bytes += len(whole)
        self.files += 1
        return len(whole)


def stamp(moment: datetime) -> str:
    """As both agents write times."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def make(folder: Path, size: int, seed: int = 7) -> Made:
    """Fill `folder`/claude/projects and `folder`/codex/sessions with about `size` bytes."""
    writer = Writer(seed)
    claude, codex = folder / "claude", folder / "codex"
    written = {"claude": 0, "codex": 0}
    while sum(written.values()) < size:
        begun = END - timedelta(seconds=writer.random.uniform(3600, DAYS * 86_400))
        if written["claude"] <= CLAUDE_SHARE * sum(written.values()):
            written["claude"] += claude_session(writer, claude, begun)
        else:
            written["codex"] += codex_session(writer, codex, begun)
    return Made(
        writer.files, writer.lines, writer.bytes, writer.usage_lines, writer.usage_bytes, writer.requests
    )  # fmt: skip


# -- Claude Code -----------------------------------------------------------------------------------------------------


def claude_session(writer: Writer, folder: Path, begun: datetime) -> int:
    """A session and the sub-agents it started."""
    rng = writer.random
    session, project = writer.uuid(), rng.randrange(PROJECTS)
    home = folder / "projects" / f"-home-dev-project-{project}"
    requests = max(2, int(rng.lognormvariate(3.9, 1.0)))
    tail = claude_tail(session, project, begun)
    ended = begun + timedelta(hours=1)
    lines = claude_lines(writer, session, tail, begun, requests, None)
    size = writer.write(home / f"{session}.jsonl", lines, ended)
    for _ in range(rng.choice((0, 0, 1, 2, 4)) if requests > 20 else 0):
        agent = writer.name(17)
        path = home / session / "subagents" / f"agent-{agent}.jsonl"
        own = max(2, int(rng.lognormvariate(2.3, 0.8)))
        lines = claude_lines(writer, session, tail, begun + timedelta(minutes=5), own, agent)
        size += writer.write(path, lines, ended)
    return size


def claude_tail(session: str, project: int, begun: datetime) -> str:
    """What stands at the end of each line."""
    return (
        f'"userType":"external","entrypoint":"cli","cwd":"/home/dev/project-{project}","sessionId":"{session}",'
        f'"version":"2.1.{190 + begun.day % 9}","gitBranch":"{"main" if begun.day % 3 else "feature/parser"}"}}'
    )


def claude_lines(
    writer: Writer, session: str, tail: str, begun: datetime, requests: int, agent: str | None
) -> Iterator[tuple[str, bool]]:
    """The lines of one file, each with whether it names tokens."""
    rng, moment = writer.random, begun
    model = rng.choices([name for name, _ in MODELS], [weight for _, weight in MODELS])[0]
    side = "true" if agent else "false"
    tail = (f'"agentId":"{agent}",' if agent else "") + tail
    parent, cached = "null", rng.randrange(12_000, 25_000)
    grows = rng.random() < 0.5  # some releases write what was counted by then, others the final count on all blocks

    def envelope() -> str:
        return f'{{"parentUuid":{parent},"isSidechain":{side},'

    def end(identifier: str) -> str:
        return f'"uuid":"{identifier}","timestamp":"{stamp(moment)}",{tail}'

    for number in range(requests):
        moment += timedelta(milliseconds=rng.randrange(1500, 25_000))
        if number % 12 == 0:
            identifier = writer.uuid()
            yield (
                f'{envelope()}"promptId":"{writer.uuid()}","type":"user","message":{{"role":"user","content":'
                f'"{writer.text(500)}"}},{end(identifier)}',
                False,
            )
            parent = f'"{identifier}"'
            if not agent:
                yield (
                    f'{{"type":"file-history-snapshot","messageId":"{identifier}","snapshot":{{"messageId":"{identifier}",'
                    f'"trackedFileBackups":{{}},"timestamp":"{stamp(moment)}"}},"isSnapshotUpdate":false}}',
                    False,
                )
                identifier = writer.uuid()
                yield (
                    f'{envelope()}"attachment":{{"type":"skill_listing","content":"{writer.text(1500)}","skillCount":13,'
                    f'"isInitial":true}},"type":"attachment",{end(identifier)}',
                    False,
                )
        fresh, output = rng.randrange(200, 6000), int(rng.lognormvariate(5.2, 1.1)) + 2
        usage = (
            f'{{"input_tokens":{rng.randrange(1, 12)},"cache_creation_input_tokens":{fresh},'
            f'"cache_read_input_tokens":{cached},"output_tokens":%d,"server_tool_use":{{"web_search_requests":0,'
            '"web_fetch_requests":0},"service_tier":"standard","cache_creation":{"ephemeral_1h_input_tokens":0,'
            f'"ephemeral_5m_input_tokens":{fresh}}},"inference_geo":"","iterations":[],"speed":"standard"}}'
        )
        cached = min(cached + fresh, 170_000)
        writer.requests += 1
        message, request = writer.name(), writer.name()
        tool, tool_id = rng.choices(TOOLS, TOOL_WEIGHTS)[0], f"toolu_{writer.name()}"
        blocks = []
        if rng.random() < 0.5:
            blocks.append(f'{{"type":"thinking","thinking":"{writer.text(500)}","signature":"{writer.noise(900)}"}}')
        if rng.random() < 0.6:
            blocks.append(f'{{"type":"text","text":"{writer.text(400)}"}}')
        calls = number < requests - 1
        if calls:
            given = tool_input(writer, tool)
            blocks.append(f'{{"type":"tool_use","id":"{tool_id}","name":"{tool}","input":{given}}}')
        for place, block in enumerate(blocks or [f'{{"type":"text","text":"{writer.text(400)}"}}']):
            is_last = place >= len(blocks) - 1
            identifier = writer.uuid()
            counted = usage % (output if is_last or not grows else min(output, 8))
            yield (
                f'{envelope()}"message":{{"id":"msg_{message}","type":"message","role":"assistant","model":"{model}",'
                f'"content":[{block}],"stop_reason":{chr(34) + "tool_use" + chr(34) if is_last else "null"},'
                f'"stop_sequence":null,"usage":{counted},"stop_details":null}},'
                f'"requestId":"req_{request}","type":"assistant",{end(identifier)}',
                True,
            )
            parent = f'"{identifier}"'
            moment += timedelta(milliseconds=rng.randrange(5, 900))
        if calls:
            identifier = writer.uuid()
            moment += timedelta(milliseconds=int(rng.lognormvariate(5.5, 1.5)))
            content, shown = tool_result(writer, tool)
            yield (
                f'{envelope()}"promptId":"{writer.uuid()}","type":"user","message":{{"role":"user","content":[{{'
                f'"tool_use_id":"{tool_id}","type":"tool_result","content":"{content}"}}]}},"toolUseResult":{shown},'
                f'"sourceToolAssistantUUID":{parent},{end(identifier)}',
                False,
            )
            parent = f'"{identifier}"'
        if rng.random() < 0.25 and not agent:
            yield (
                f'{envelope()}"type":"system","subtype":"turn_duration","durationMs":{rng.randrange(90_000)},'
                f"{end(writer.uuid())}",
                False,
            )


TOOLS = ("Bash", "Read", "Edit", "Write", "Grep", "TodoWrite")
TOOL_WEIGHTS = (40, 25, 15, 4, 10, 6)


def tool_input(writer: Writer, tool: str) -> str:
    """Arguments, as JSON."""
    file = f'"file_path":"/home/dev/project/src/module_{writer.random.randrange(400)}.py"'
    if tool == "Bash":
        if writer.random.random() < 0.03:
            return f'{{"command":"git add -A && git commit -q -m \\"{writer.name(8)}\\"","description":"Commit"}}'
        return f'{{"command":"{writer.text(160)}","description":"{writer.text(60)}"}}'
    if tool == "Edit":
        return f'{{{file},"old_string":"{writer.text(500)}","new_string":"{writer.text(700)}","replace_all":false}}'
    if tool == "Write":
        return f'{{{file},"content":"{writer.text(5000)}"}}'
    if tool == "Grep":
        return f'{{"pattern":"{writer.text(60)}","output_mode":"content","-n":true}}'
    if tool == "TodoWrite":
        todo = ",".join(f'{{"content":"{writer.text(60)}","status":"pending"}}' for _ in range(6))
        return f'{{"todos":[{todo}]}}'
    return f"{{{file}}}"


def tool_result(writer: Writer, tool: str) -> tuple[str, str]:
    """(what the model gets, what the screen gets): the same text mostly, so it stands in the line twice."""
    if tool == "Bash":
        text = writer.text(1800)
        shown = f'{{"stdout":"{text}","stderr":"","interrupted":false,"isImage":false,"noOutputExpected":false}}'
        return text, shown
    if tool == "Read":
        text = writer.text(6500)
        return text, f'{{"type":"text","file":{{"filePath":"/home/dev/project/src/module.py","content":"{text}"}}}}'
    if tool in ("Edit", "Write"):
        patch = writer.text(1500)
        shown = f'{{"filePath":"/home/dev/project/src/module.py","oldString":"{writer.text(500)}","newString":'
        shown += f'"{writer.text(700)}","originalFile":"{writer.text(11_000)}",'
        shown += f'"structuredPatch":[{{"lines":["{patch}"]}}],'
        return writer.text(250 if tool == "Write" else 1200), shown + '"userModified":false}'
    text = writer.text(1500)
    return text, f'{{"mode":"content","content":"{text}","numLines":40}}'


# -- Codex -----------------------------------------------------------------------------------------------------------


def codex_session(writer: Writer, folder: Path, begun: datetime) -> int:
    """One rollout. Older releases repeat what a command printed when it ends, newer ones name a response's tokens."""
    rng = writer.random
    digits = f"{int(begun.timestamp() * 1000):012x}"
    thread = f"{digits[:8]}-{digits[8:]}-7{writer.name(3)}-a{writer.name(3)}-{writer.name(12)}"
    path = folder / "sessions" / begun.strftime("%Y/%m/%d") / f"rollout-{begun:%Y-%m-%dT%H-%M-%S}-{thread}.jsonl"
    requests = max(2, int(rng.lognormvariate(3.6, 1.0)))
    return writer.write(path, codex_lines(writer, thread, begun, requests), begun + timedelta(hours=1))


def codex_lines(writer: Writer, thread: str, begun: datetime, requests: int) -> Iterator[tuple[str, bool]]:
    """The lines of one rollout, each with whether it names tokens."""
    rng, moment, ordinal = writer.random, begun, 0
    is_new, model = rng.random() < 0.5, rng.choice(CODEX_MODELS)
    project = rng.randrange(PROJECTS)
    total = [0, 0, 0, 0]
    turn = ""

    def line(kind: str, payload: str) -> str:
        nonlocal ordinal
        ordinal += 1
        return f'{{"timestamp":"{stamp(moment)}","ordinal":{ordinal - 1},"type":"{kind}","payload":{payload}}}'

    yield (
        line(
            "session_meta",
            f'{{"session_id":"{thread}","id":"{thread}","timestamp":"{stamp(begun)}","cwd":"/home/dev/project-{project}",'
            f'"originator":"codex_cli_rs","cli_version":"0.{169 if is_new else 98}.0","source":"cli",'
            f'"base_instructions":{{"text":"{writer.text(14_000)}"}},"git":{{"commit_hash":"{writer.name(40)}","branch":"main"}}}}',
        ),
        False,
    )
    for number in range(requests):
        moment += timedelta(milliseconds=rng.randrange(900, 20_000))
        if number % 15 == 0:
            digits = f"{int(moment.timestamp() * 1000):012x}"
            turn = f"{digits[:8]}-{digits[8:]}-7{writer.name(3)}-a{writer.name(3)}-{writer.name(12)}"
            started = f'{{"type":"task_started","turn_id":"{turn}","started_at":{int(moment.timestamp())}}}'
            yield line("event_msg", started), False
            yield (
                line(
                    "turn_context",
                    f'{{"turn_id":"{turn}","cwd":"/home/dev/project-{project}","approval_policy":"on-request",'
                    f'"model":"{model}","effort":"high","summary":"auto","user_instructions":"{writer.text(1500)}"}}',
                ),
                False,
            )
            prompt = writer.text(500)
            item = f'{{"type":"message","role":"user","content":[{{"type":"input_text","text":"{prompt}"}}]}}'
            yield line("response_item", item), False
            yield line("event_msg", f'{{"type":"user_message","message":"{prompt}","images":[]}}'), False
        if rng.random() < 0.01:
            yield line("compacted", f'{{"message":"","replacement_history":["{writer.text(60_000)}"]}}'), False
        reasoning = f'{{"type":"reasoning","summary":[],"content":null,"encrypted_content":"{writer.noise(2400)}"}}'
        yield line("response_item", reasoning), False
        if rng.random() < 0.3:
            text = writer.text(400)
            item = f'{{"type":"message","role":"assistant","content":[{{"type":"output_text","text":"{text}"}}]}}'
            yield line("event_msg", f'{{"type":"agent_message","message":"{text}"}}'), False
            yield line("response_item", item), False
        call = f"call_{writer.name()}"
        command = "git commit -q -m done" if rng.random() < 0.02 else writer.text(200)
        given = {"cmd": json.loads(f'"{command}"'), "workdir": f"/home/dev/project-{project}"}
        arguments = json.dumps(json.dumps(given))
        called = f'{{"type":"function_call","name":"exec_command","arguments":{arguments},"call_id":"{call}"}}'
        yield line("response_item", called), False
        writer.requests += 1
        whole = min((total[0] and rng.randrange(20_000, 180_000)) or 9_000, 200_000)
        last = (whole, int(whole * rng.uniform(0.5, 0.97)), int(rng.lognormvariate(5.2, 1.1)) + 2, rng.randrange(200))
        total = [before + now for before, now in zip(total, last, strict=True)]
        told = [
            f'{{"input_tokens":{n[0]},"cached_input_tokens":{n[1]},"output_tokens":{n[2]},"reasoning_output_tokens":'
            f'{min(n[3], n[2])},"total_tokens":{n[0] + n[2]}}}'
            for n in (total, last)
        ]
        if is_new:
            yield (
                line(
                    "token_usage_record",
                    f'{{"thread_id":"{thread}","turn_id":"{turn}","session_id":"{thread}","response_id":"resp_{writer.name()}",'
                    f'"usage":{told[1]},"turn_token_usage":{told[1]},"thread_token_usage":{told[0]}}}',
                ),
                True,
            )
        output = writer.text(4500)
        code = 0 if rng.random() < 0.9 else 1
        if not is_new:
            ended = f'{{"type":"exec_command_end","call_id":"{call}","stdout":"{output}","exit_code":{code}}}'
            yield line("event_msg", ended), False
        moment += timedelta(milliseconds=int(rng.lognormvariate(5.5, 1.5)))
        answered = f"Chunk ID: {writer.name(6)}\\nWall time: 0.1 seconds\\nProcess exited with code {code}\\n"
        answered += f"Output:\\n{output}"
        yield (
            line("response_item", f'{{"type":"function_call_output","call_id":"{call}","output":"{answered}"}}'),
            False,
        )
        window = {"used_percent": number % 100, "window_minutes": 300}
        counted: dict[str, Any] = {"limit_id": "codex", "primary": window}
        for _ in range(2 if rng.random() < 0.15 else 1):
            yield (
                line(
                    "event_msg",
                    f'{{"type":"token_count","info":{{"total_token_usage":{told[0]},"last_token_usage":{told[1]},'
                    f'"model_context_window":258400}},"rate_limits":{json.dumps(counted)}}}',
                ),
                True,
            )


if __name__ == "__main__":
    print(json.dumps(asdict(make(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))))
