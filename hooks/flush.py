"""From noted lines to delivered payloads.

Owns the order of things: claim, build, put into the outbox, send, and only when somebody has it delete. Whatever is
killed in between is repeated with the same bytes, which the engine stores once. Refuses to run twice at a time and to
keep trying for long: the next commit or session starts it again.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hooks import commit as commits
from hooks import environment
from hooks.delivery import Answer, Target, post, target
from hooks.folder import Folder, State, data_dir, read_state
from hooks.project import GitError, git, project_of
from hooks.spool import Ledger, Line, Spool, Waiting

AT_ONCE = 100
LARGEST_BODY = 4 << 20
LONGEST_PAUSE = 900.0
LINGER_SECONDS = 120.0
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
"""How long `aa-hooks flush` waits for a delivery that is at work already."""
COMMIT_FIELDS = 3 + len(environment.VARIABLES) + 2
REWRITE_LINE = re.compile(rb"r1(?:\t[0-9a-f]{40}(?:[0-9a-f]{24})?\t\d+\t[0-9a-f]{40}(?:[0-9a-f]{24})?)(?:\t[^\t]+){2}$")
"""A line of the post-rewrite hook, whole."""
COMMIT_START = re.compile(rb"c1\t(?=[0-9a-f]{40}(?:[0-9a-f]{24})?\t)")
"""Where a line of the git hook begins. The hash behind it is part of the sign: hashes may themselves end in `c1`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one flush did. `waiting` is what is left; `busy`: another process is at it."""

    delivered: int
    waiting: int
    busy: bool
    error: str | None


def flush(folder: Folder, *, now: bool = True, patience: float = 0.0) -> Outcome:
    """Deliver what waits, once. `now` ignores the pause after a failure; `patience`: seconds to wait for another
    process that delivers. Never raises for what a repository, a receiver or a network can do."""
    spool = Spool(folder.spool)
    delivered = 0
    while True:
        with spool.working(patience) as mine:
            if not mine:
                return Outcome(delivered, len(spool.waiting()), True, None)
            state = read_state(folder)
            prepare(spool, state)
            delivered += deliver(spool, state, now=now)
        # Noted after our last look, by a hook that saw us at work and therefore started nobody.
        if not spool.has_lines():
            waiting = len(spool.waiting())
            return Outcome(delivered, waiting, False, spool.ledger().last_error if waiting else None)


def linger(folder: Folder, seconds: float) -> None:
    """Deliver in the background, and while that fails go on for a while; one process at a time stays for that."""
    deadline = time.monotonic() + seconds
    outcome = flush(folder, now=False)
    if not outcome.waiting or outcome.busy:
        return
    spool = Spool(folder.spool)
    with spool.alone("linger.lock") as mine:
        while mine and outcome.waiting:
            while not _due(spool.ledger(), read_state(folder)):
                if time.monotonic() >= deadline:
                    return
                time.sleep(LOOK_SECONDS)
            if time.monotonic() >= deadline:
                return
            outcome = flush(folder, now=False)


def prepare(spool: Spool, state: State) -> None:
    """Make payloads of everything that was noted."""
    spool.claim()
    for path in spool.claimed():
        lines, offset = spool.lines(path)
        for line in lines:
            _store(spool, state, line)
        spool.done(path, offset)


def deliver(spool: Spool, state: State, *, now: bool) -> int:
    """Send the outbox, oldest first; the number of payloads that were taken."""
    waiting = spool.waiting()
    if not waiting or not (now or _due(spool.ledger(), state)):
        return 0
    where = target(state)
    if where is None:
        _note_failure(spool, Answer("later", f"no engine runs on this machine ({data_dir(state)})"))
        return 0
    taken = 0
    for group in _groups(waiting):
        answer, count = _send(spool, where, group)
        taken += count
        if answer.verdict == "later":
            _note_failure(spool, answer)
            return taken
    _note_success(spool)
    return taken


def _send(spool: Spool, where: Target, group: list[tuple[Waiting, bytes]]) -> tuple[Answer, int]:
    """Send payloads of one route together; when they are refused, each alone, so that one cannot hold up others."""
    body = group[0][1] if len(group) == 1 else b"[" + b",".join(content for _, content in group) + b"]"
    answer = post(where, group[0][0].route, body)
    if answer.verdict == "taken":
        for item, _ in group:
            item.path.unlink(missing_ok=True)
        ledger = spool.ledger()
        spool.keep_ledger(replace(ledger, delivered=ledger.delivered + len(group), last_delivery=time.time()))
        return answer, len(group)
    if answer.verdict == "later":
        return answer, 0
    if len(group) > 1:
        taken = 0
        for one in group:
            answer, count = _send(spool, where, [one])
            taken += count
            if answer.verdict == "later":
                break
        return answer, taken
    item, content = group[0]
    spool.refuse(item.path.name.removesuffix(".json"), content, answer.detail)
    item.path.unlink(missing_ok=True)
    return answer, 0


def _groups(waiting: list[Waiting]) -> list[list[tuple[Waiting, bytes]]]:
    groups: list[list[tuple[Waiting, bytes]]] = []
    size = 0
    for item in waiting:
        try:
            content = item.path.read_bytes()
        except OSError:
            continue
        last = groups[-1] if groups else None
        fits = last is not None and last[0][0].route == item.route and len(last) < AT_ONCE
        if last is None or not fits or size + len(content) > LARGEST_BODY:
            groups.append([(item, content)])
            size = len(content)
        else:
            last.append((item, content))
            size += len(content)
    return groups


def _due(ledger: Ledger, state: State) -> bool:
    """Whether the pause after a failure is over; an engine of this machine that started since ends it."""
    if time.time() >= ledger.next_attempt or ledger.next_attempt - time.time() > LONGEST_PAUSE * 5:
        return True
    if state.backend_url:
        return False
    try:
        return (data_dir(state) / "engine.json").stat().st_mtime > ledger.last_attempt
    except OSError:
        return False


def _note_failure(spool: Spool, answer: Answer) -> None:
    ledger = spool.ledger()
    failures = ledger.failures + 1
    pause = max(min(2.0 ** min(failures, 20), LONGEST_PAUSE), answer.retry_after)
    now = time.time()
    spool.keep_ledger(
        replace(ledger, failures=failures, last_attempt=now, next_attempt=now + pause, last_error=answer.detail)
    )


def _note_success(spool: Spool) -> None:
    spool.keep_ledger(replace(spool.ledger(), failures=0, last_attempt=time.time(), next_attempt=0.0, last_error=None))


# --- lines --------------------------------------------------------------------------------------------------------


def _store(spool: Spool, state: State, line: Line) -> None:
    try:
        if line.file == "commits.log":
            read = _rewrite_line if REWRITE_LINE.match(line.content) else _commit_line
            found = read(line.content, state, spool.folder)
        else:
            found = _event_line(line.content, state, spool.folder)
    except (GitError, ValueError, KeyError, TypeError, UnicodeError) as error:
        import hashlib

        name = f"line-{hashlib.blake2b(line.content, digest_size=8).hexdigest()}"
        spool.refuse(name, line.content, f"it cannot be told what it is about: {error}")
        return
    if found is not None:
        identity, seconds, route, body = found
        spool.store(identity, seconds, route, json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))


Payload = tuple[bytes, float, str, dict[str, Any]]


def commit_fields(content: bytes) -> list[bytes]:
    """The fields of a line of the git hook; one that was torn by a full disk ends where the next begins.

    Raises ValueError for what is none.
    """
    starts = [match.start() for match in COMMIT_START.finditer(content)]
    fields = content[starts[-1] :].split(b"\t") if starts else []
    if len(fields) != COMMIT_FIELDS:
        raise ValueError("not a line of the git hook")
    return fields


def _commit_line(content: bytes, state: State, spool: Path) -> Payload | None:
    fields = commit_fields(content)
    commit_hash, seconds = fields[1].decode("ascii"), float(fields[2])
    values = (value.decode("utf-8", "replace") for value in fields[3:-2])
    variables = {name: value for name, value in zip(environment.VARIABLES, values, strict=True) if value}
    place, folder = Path(_path(fields[-2])), Path(_path(fields[-1]))
    if not state.track_commits:
        return None
    body = commits.payload(commit_hash, folder, place, variables, state.developer_id, spool=spool)
    return _identity(commit_hash, body, variables), seconds, "commits", _with_project(body, state)


def _rewrite_line(content: bytes, state: State, spool: Path) -> Payload | None:
    """An amend or a rebase put one commit in the place of another: what is known of that one is handed on."""
    _, new, seconds, old, place, folder = content.split(b"\t")
    if not state.track_commits:
        return None
    sign = {"kind": "rewritten_from", "value": old.decode("ascii")}
    body = commits.payload(new.decode("ascii"), Path(_path(folder)), Path(_path(place)), {}, state.developer_id, [sign])
    return _identity(body["commit_hash"], body, {}, [sign]), float(seconds), "commits", _with_project(body, state)


def _event_line(content: bytes, state: State, spool: Path) -> Payload | None:
    line = json.loads(content)
    kind, seconds = line["kind"], float(line["at"])
    if kind == "session":
        return content, seconds, "context", _context(line, state)
    if kind != "commit":
        raise ValueError(f"unknown kind {kind!r}")
    variables = {name: str(value) for name, value in line["variables"].items()}
    folder = Path(line["folder"])
    given, signs = line["commit"], line.get("signs") or []
    if signs and not state.track_commits:
        return None
    if given.get("only"):  # the hash alone: git knows the rest
        try:
            body = commits.payload(given["only"], folder, None, variables, state.developer_id, signs, spool)
        except GitError:
            if signs:
                return None  # an agent's hook only supposed that the commit is in the folder of its window
            raise
    else:
        try:
            project = project_of(folder)
        except GitError:
            project = None
        body = commits.finished(given, project, variables, state.developer_id)
    return _identity(body["commit_hash"], body, variables, signs), seconds, "commits", _with_project(body, state)


def _context(line: Mapping[str, Any], state: State) -> dict[str, Any]:
    """A session's folder as project and branch: the path itself stays here, only its hash leaves the machine."""
    import hashlib
    import os

    folder = line.get("folder")
    body: dict[str, Any] = {
        "agent_type": line["agent"],
        "session_id": line["session"],
        "event": line["event"],
        "reason": line.get("reason"),
        "timestamp": line["at"],
        "source": "hook",
        "developer_id": state.developer_id,
        "service_version": line.get("version"),
    }
    if isinstance(folder, str) and folder:
        body["cwd_hash"] = hashlib.blake2b(folder.encode("utf-8", "replace"), digest_size=8).hexdigest()
        path = Path(folder)
        try:
            project = project_of(path)
            body |= {"project_id": project.project_id, "project_name": project.name, "remote_url": project.remote_url}
            body["branch"] = _asked(path, "symbolic-ref", "--short", "-q", "HEAD")
        except GitError:
            digest = hashlib.blake2b(os.fsencode(os.path.abspath(path)), digest_size=8).hexdigest()
            body |= {"project_id": f"path:{digest}", "project_name": path.name or folder}
        if state.developer_id is None:
            body["user_email"] = line.get("email") or _asked(path, "config", "user.email")
    return _with_project({name: value for name, value in body.items() if value is not None}, state)


def _asked(folder: Path, *words: str) -> str | None:
    try:
        return git(folder, *words).decode("utf-8", "replace").strip() or None
    except GitError:
        return None


def _with_project(body: dict[str, Any], state: State) -> dict[str, Any]:
    """A project set in the configuration stands where git names no remote."""
    if state.project_id and not body.get("remote_url"):
        return {**body, "project_id": state.project_id}
    return body


def _identity(
    commit_hash: str, body: Mapping[str, Any], variables: Mapping[str, str], signs: Sequence[Mapping[str, str]] = ()
) -> bytes:
    return json.dumps([commit_hash, body.get("project_id"), sorted(variables.items()), *signs]).encode()


def _path(value: bytes) -> str:
    import os

    return os.fsdecode(value)
