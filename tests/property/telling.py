"""Who is heard of a team's history, in which order, how often, and what can be known then.

Owns the choice of sources, losses, copies and the expectation that follows from it: a call counts once when anything
tells of it, by the log's time and the client's price where a log tells, and counters stand in where nothing else does.
Refuses the formats (`tell_*`) and the database.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache

from genai_prices import Usage, calc_price
from hypothesis import strategies as st

from engine.agents.transcripts.facts import Fact
from engine.agents.transcripts.reader import Workplace
from engine.agents.transcripts.registry import BY_AGENT
from engine.ingest.otlp import SenderContext, decode
from engine.ingest.transcript_rows import RowBuilder
from engine.projects import ProjectIdentity
from engine.store.rows import RawRows, dedup_key
from tests.property import tell_claude, tell_codex, tell_google, tell_spans
from tests.property.history import NOW, PROJECT, Call, Person, Session, Team
from tests.property.wire import History, Request

SOURCES = {
    "claude_code": ("log", "transcript", "metric"),
    "codex": ("log", "transcript"),
    "gemini_cli": ("log", "transcript", "metric"),
    "qwen_code": ("log", "transcript", "metric"),
    "github_copilot": ("log", "transcript"),
    "opencode": ("log",),
    "other": ("log",),
}
"""What an agent may be heard by; the spans of agents without log records are their `log`."""
MODEL_OWNERS = {"claude": "anthropic", "gpt": "openai", "gemini": "google"}
WORKPLACE = Workplace(b"key", lambda folder: ProjectIdentity(PROJECT, "web", None, None))


@dataclass(frozen=True, slots=True)
class Hearing:
    """How a session is told: by whom, under whose name, and what of it is lost on the way.

    `fork_at`: from this call on it is another session, whose history begins with a copy of this one's.
    """

    session: Session
    sources: frozenset[str]
    identity: str
    lost_logs: frozenset[int]
    lost_lines: frozenset[int]
    fork_at: int | None
    old: bool
    delta: bool
    records: bool
    doubled: bool

    @property
    def fork_id(self) -> str:
        return self.session.session_id[:-2] + "f0"

    def parts(self) -> list[Session]:
        """The session, and its fork."""
        if self.fork_at is None:
            return [self.session]
        calls = self.session.calls
        return [
            replace(self.session, calls=calls[: self.fork_at]),
            replace(self.session, calls=calls[self.fork_at :], session_id=self.fork_id),
        ]

    def logged(self, calls: Sequence[Call]) -> list[Call]:
        return [call for call in calls if "log" in self.sources and call.number not in self.lost_logs]

    def written(self, calls: Sequence[Call]) -> list[Call]:
        return [call for call in calls if "transcript" in self.sources and call.number not in self.lost_lines]


@dataclass(frozen=True, slots=True)
class Known:
    """What can be known of one call, or of one export of counters (`counted`)."""

    session: Session
    call: Call
    at: datetime
    cost: Decimal | None
    counted: bool = False


@st.composite
def hearings(draw: st.DrawFn, session: Session) -> Hearing:
    """At most one of log and transcript loses anything: what both lost, nobody knows."""
    possible = SOURCES[session.agent]
    sources = draw(st.sets(st.sampled_from(possible), min_size=1))
    numbers = [call.number for call in session.calls]
    lost = draw(st.sets(st.sampled_from(numbers), max_size=3))
    loser = draw(st.sampled_from(["nobody", "log", "transcript"]))
    can_fork = session.agent in ("claude_code", "codex") and "transcript" in sources and len(numbers) > 1
    # What a fork copies is what the history it copies holds.
    fork_at = draw(st.integers(1, len(numbers) - 1)) if can_fork and draw(st.booleans()) else None
    return Hearing(
        session=session,
        sources=frozenset(sources),
        identity=draw(st.sampled_from(["key", "email", "header", "user_id"])),
        lost_logs=frozenset(lost if loser == "log" else ()),
        lost_lines=frozenset(lost if loser == "transcript" and fork_at is None else ()),
        fork_at=fork_at,
        old=draw(st.booleans()),
        delta=draw(st.booleans()),
        records=draw(st.booleans()),
        doubled=draw(st.booleans()),
    )


def known(hearing: Hearing) -> list[Known]:
    """What can be known of a session and its fork."""
    found: list[Known] = []
    for part in hearing.parts():
        logged, written = hearing.logged(part.calls), hearing.written(part.calls)
        direct = [Known(part, call, call.at, cost(part, call, logged=call in logged))
                  for call in part.calls if tells(part, call, logged, written)]  # fmt: skip
        found += direct
        if "metric" in hearing.sources and not any(not told.call.failed for told in direct):
            export = tell_claude.exported_at if part.agent == "claude_code" else tell_google.exported_at
            found += [Known(part, call, export(call), cost(part, call, logged=True), counted=True)
                      for call in part.calls if not call.failed]  # fmt: skip
    return found


def tells(session: Session, call: Call, logged: Sequence[Call], written: Sequence[Call]) -> bool:
    """Whether log or history tell of a call; of failed ones only some histories do."""
    if call.failed:
        histories = session.agent in ("claude_code", "qwen_code")
        return (call in logged and session.agent != "opencode") or (call in written and histories)
    return call in logged or call in written


def cost(session: Session, call: Call, *, logged: bool) -> Decimal | None:
    """What a call costs: as the client says, or by the price book; None where that does not know the model."""
    owner = next((MODEL_OWNERS[family] for family in MODEL_OWNERS if call.model.startswith(family)), None)
    if call.failed:
        return None
    if session.agent == "claude_code" and logged:
        return call.cost if owner is not None else None
    return None if owner is None else priced(owner, call)


def priced(owner: str, call: Call) -> Decimal:
    """By the price book, asked independently of our SQL. Writes kept for an hour cost two inputs (Anthropic)."""
    base = calc_price(
        Usage(
            input_tokens=call.input + call.read + call.write_5m,
            cache_read_tokens=call.read,
            cache_write_tokens=call.write_5m,
            output_tokens=call.output,
        ),
        model_ref=call.model,
        provider_id=owner,
        genai_request_timestamp=call.at,
    ).total_price
    return Decimal(base) + call.write_1h * 2 * input_price(owner, call.model)


@cache
def input_price(owner: str, model: str) -> Decimal:
    found = calc_price(Usage(input_tokens=1000), model_ref=model, provider_id=owner, genai_request_timestamp=NOW)
    return Decimal(found.total_price) / 1000


def deliveries(team: Team, heard: Sequence[Hearing], chance: random.Random) -> list[RawRows]:
    """Everything as rows, in any order, some of it twice or in pieces."""
    found: list[RawRows] = [names(person) for person in team.people]
    for hearing in heard:
        context, identity = sender(hearing)
        for request in telemetry(hearing, identity):
            found.append(decoded(request, context))
        for history in histories(hearing):
            found += read(history, hearing.session.person, chance)
    chance.shuffle(found)
    repeated = [rows for rows in found if chance.random() < 0.3]
    return found + repeated


def sender(hearing: Hearing) -> tuple[SenderContext, dict[str, str]]:
    """Who a front end and the records say it is."""
    person = hearing.session.person
    anonymous = {"user.account_id" if hearing.session.agent == "codex" else "user.id": person.user_id}
    match hearing.identity:
        case "key":
            return SenderContext(developer_id=person.login), anonymous
        case "email":
            return SenderContext(), {**anonymous, "user.email": person.email.upper()}
        case "header":
            return SenderContext(developer_hint=person.email.title()), anonymous
    return SenderContext(), anonymous


def names(person: Person) -> RawRows:
    """That a login and an anonymous id mean somebody."""
    rows = RawRows()
    for kind, value in (("login", person.login), ("user_id", person.user_id)):
        rows.append("developer_identities", {
            "dedup_key": dedup_key("developer_identities", [person.email, kind, value]), "received_at": NOW,
            "developer_id": person.email, "kind": kind, "value": value, "source": "alias", "removed": False,
        })  # fmt: skip
    return rows


def telemetry(hearing: Hearing, identity: dict[str, str]) -> Iterable[Request]:
    for part in hearing.parts():
        calls = hearing.logged(part.calls)
        if calls:
            match part.agent:
                case "claude_code":
                    yield from tell_claude.logs(part, calls, identity, old=hearing.old)
                    if hearing.doubled and not hearing.old:
                        through = {**tell_claude.RESOURCE, "collector.name": "gateway"}
                        yield from tell_claude.logs(part, calls, identity, old=False, resource=through)
                case "codex":
                    yield from tell_codex.logs(part, calls, identity)
                case "gemini_cli" | "qwen_code":
                    yield from tell_google.logs(part, calls, identity)
                case _:
                    yield from tell_spans.spans(part, calls, identity)
        if "metric" in hearing.sources:
            if part.agent == "claude_code":
                yield from tell_claude.counters(part, part.calls, identity, delta=hearing.delta)
            else:
                yield from tell_google.counters(part, part.calls, identity)


def histories(hearing: Hearing) -> Iterable[History]:
    first, *fork = hearing.parts()
    calls = hearing.written(first.calls)
    if not calls:
        return
    match first.agent:
        case "claude_code":
            yield from tell_claude.transcripts(first, calls)
            for child in fork:
                copied = tell_claude.transcripts(first, calls, child.session_id)
                own = tell_claude.transcripts(child, child.calls)
                yield from (History("claude_code", a.lines + b.lines) for a, b in zip(copied, own, strict=False))
                yield from (copied + own)[2 * min(len(copied), len(own)) :] if len(copied) != len(own) else ()
        case "codex":
            yield tell_codex.rollout(first, calls, records=hearing.records)
            for child in fork:
                yield tell_codex.rollout(
                    first, calls, records=hearing.records, fork=child.session_id, own=hearing.written(child.calls)
                )
        case "github_copilot":
            yield tell_spans.copilot_history(first, calls)
        case _:
            yield from tell_google.histories(first, calls)


def decoded(request: Request, context: SenderContext) -> RawRows:
    """As a front end decodes it; what is refused would be noticed as missing."""
    import orjson

    body = orjson.dumps(request.document)
    result = decode(request.signal, body, encoding="json", received_at=NOW, context=context)
    assert not result.rejected, result.reason
    return result.rows


def read(history: History, person: Person, chance: random.Random) -> list[RawRows]:
    """As an import reads it: in two pieces, with what it kept in mind written down between."""
    source = BY_AGENT[history.agent]
    builder = RowBuilder(person.email)
    cut = chance.randint(0, len(history.lines))
    found, state = [], None
    for piece in (history.lines[:cut], history.lines[cut:]):
        reader = source.reader(WORKPLACE, state)
        facts: list[Fact] = []
        assert reader.read(piece, facts) == 0
        state = reader.state()
        builder.add(history.agent, facts)
        found.append(builder.take())
    return found
