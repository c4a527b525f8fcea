"""What the simulated team does, event by event, in the order of time.

Owns the behaviour: sessions, turns, model calls whose context grows, tools that fail now and then, sub-agents, commits.
Refuses telemetry formats and wall-clock time: the same seed and start give the same events for ever.
"""

from __future__ import annotations

import heapq
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.simulate.team import CODEX, HAIKU, Developer, Model

TOOLS = (("Read", 30), ("Edit", 22), ("Bash", 22), ("Grep", 12), ("Write", 6), ("Task", 2), ("WebFetch", 2))
EXTENSIONS = ("py", "ts", "tsx", "sql", "go", "yaml", "md")
SUBJECTS = (
    "honour the refund window",
    "retry with jitter",
    "tests for the window",
    "split the parser",
    "cache the price book",
    "drop the unused flag",
    "name the columns",
    "handle an empty page",
    "document the limits",
    "speed up the first paint",
    "validate the header",
    "fix the flaky date test",
    "move the client out",
    "log the request id",
    "raise the timeout",
)


@dataclass(frozen=True, slots=True)
class Session:
    """One session of one developer with one agent in one repository."""

    session_id: str
    agent: str
    developer: Developer
    repository: str
    branch: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens in a session at an instant."""

    at: datetime
    session: Session
    sequence: int


@dataclass(frozen=True, slots=True)
class Started(Event):
    pass


@dataclass(frozen=True, slots=True)
class Prompted(Event):
    length: int
    prompt_id: str


@dataclass(frozen=True, slots=True)
class Requested(Event):
    """A model call that was answered. Token counts without cache, in the meaning of the price list."""

    request_id: str
    prompt_id: str
    model: Model
    source: str  # main | subagent | auxiliary
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """A model call that finally failed."""

    request_id: str
    model: Model
    status_code: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Used(Event):
    """A tool call that ended."""

    tool: str
    tool_use_id: str
    prompt_id: str
    success: bool
    duration_ms: int
    extension: str | None


@dataclass(frozen=True, slots=True)
class Committed(Event):
    """A commit made by the agent's shell in the session's repository."""

    commit_id: str
    subject: str
    lines_added: int
    lines_deleted: int


@dataclass(frozen=True, slots=True)
class Ended(Event):
    reason: str


def identifier(random_: random.Random) -> str:
    """A UUID drawn from the plan's own randomness."""
    return str(uuid.UUID(int=random_.getrandbits(128), version=4))


def session_events(random_: random.Random, session: Session, start: datetime) -> Iterator[Event]:
    """The events of one session, in order of time."""
    developer, at, sequence, context = session.developer, start, 0, random_.randint(12_000, 22_000)
    edited = 0

    def after(seconds: float) -> datetime:
        nonlocal at, sequence
        at += timedelta(seconds=seconds)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        sequence += 1
        return at

    claude = session.agent == "claude_code"
    models = [model for model, _ in developer.models] if claude else [CODEX]
    weights = [weight for _, weight in developer.models] if claude else [1.0]

    def call(model: Model, prompt_id: str, source: str, size: int, cached: int) -> Requested:
        output = max(20, int(random_.lognormvariate(5.6, 0.9)))
        duration = int(900 + output * random_.uniform(9, 16))
        fresh = max(3, int(size * 0.04))
        return Requested(
            after(duration / 1000),
            session,
            sequence,
            f"req_{random_.getrandbits(64):016x}",
            prompt_id,
            model,
            source,
            fresh,
            cached,
            size - cached if source != "auxiliary" else 0,
            output,
            duration,
        )

    yield Started(after(0), session, sequence)
    for turn in range(random_.choice((1, 2, 3, 4, 6, 9, 14))):
        model = random_.choices(models, weights)[0]
        prompt_id = identifier(random_)
        yield Prompted(
            after(random_.expovariate(1 / 50) * developer.pace + 6),
            session,
            sequence,
            random_.randint(12, 600),
            prompt_id,
        )
        if turn == 0 and claude:
            yield call(HAIKU, prompt_id, "auxiliary", 400, 0)
        cached = 0 if turn == 0 else context
        for _ in range(random_.choice((1, 2, 3, 4, 6, 9))):
            if random_.random() < 0.012:
                yield Failed(
                    after(2),
                    session,
                    sequence,
                    f"req_{random_.getrandbits(64):016x}",
                    model,
                    random_.choice((429, 500, 529)),
                    2100,
                )
                break
            request = call(model, prompt_id, "main", context, cached)
            yield request
            cached, context = context, min(180_000, context + request.output_tokens + random_.randint(200, 4000))
            tool = random_.choices([name for name, _ in TOOLS], [weight for _, weight in TOOLS])[0]
            if tool == "Task" and claude:
                inner = random_.randint(6_000, 14_000)
                for step in range(random_.randint(2, 5)):
                    yield call(model, prompt_id, "subagent", inner, 0 if step == 0 else inner - 900)
                    inner += 900
            seconds = {"Bash": random_.expovariate(1 / 6), "Task": 1.0}.get(tool, random_.uniform(0.01, 0.4))
            success = random_.random() > (0.12 if tool == "Bash" else 0.03)
            edited += tool in {"Edit", "Write"} and success
            yield Used(
                after(seconds + 0.02),
                session,
                sequence,
                tool,
                f"toolu_{random_.getrandbits(64):016x}",
                prompt_id,
                success,
                int(seconds * 1000),
                random_.choice(EXTENSIONS) if tool in {"Read", "Edit", "Write"} else None,
            )
        if edited and random_.random() < 0.1:
            yield Committed(
                after(random_.uniform(1, 5)),
                session,
                sequence,
                identifier(random_),
                random_.choice(SUBJECTS),
                int(random_.lognormvariate(3.4, 1.0)) + 1,
                int(random_.lognormvariate(2.2, 1.1)),
            )
            edited = 0
    yield Ended(after(random_.uniform(2, 90)), session, sequence, "prompt_input_exit")


def developer_events(seed: int, developer: Developer, start: datetime) -> Iterator[Event]:
    """Everything one developer's agents do from `start` on, without end, in order of time."""
    random_ = random.Random(f"{seed}:{developer.name}")
    day = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    clock = day
    while True:
        opens = day + timedelta(hours=developer.start_hour)
        closes = opens + timedelta(hours=developer.hours)
        clock = max(clock, opens + timedelta(minutes=random_.uniform(0, 12)))
        while clock < closes:
            agent = random_.choices([a for a, _ in developer.agents], [w for _, w in developer.agents])[0]
            repository = random_.choice(developer.repositories)
            branch = random_.choice(
                ("main", f"feat/{random_.choice(('refunds', 'search', 'login', 'retry', 'cache'))}")
            )
            session = Session(identifier(random_), agent, developer, repository, branch)
            for event in session_events(random_, session, clock):
                clock = event.at
                if event.at >= start:
                    yield event
            clock += timedelta(minutes=random_.expovariate(1 / 4) * developer.pace + 0.3)
        day += timedelta(days=1)
        if random_.random() < 0.15 and day.date() != start.date():
            day += timedelta(days=1)  # a day off


def team_events(seed: int, team: tuple[Developer, ...], start: datetime) -> Iterator[Event]:
    """Everything the team does from `start` on, without end, in order of time."""
    streams = [developer_events(seed, developer, start) for developer in team]
    yield from heapq.merge(*streams, key=lambda event: (event.at, event.session.session_id, event.sequence))
