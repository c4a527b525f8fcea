"""Teams and what they did, with the truth about it: drawn by Hypothesis, independent of every agent's format.

Owns people, sessions, calls and commits as plain values, and the strategies that draw them. Refuses formats, faults and
expectations: `tell_*` write down what an agent would send of a session, `telling` decides who is heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
"""When everything arrives."""
FIRST_MOMENTS = (
    datetime(2026, 11, 18, 9, 30, tzinfo=UTC),
    datetime(2026, 11, 17, 23, 59, 30, tzinfo=UTC),
    # The nights in which clocks go back in Berlin and New York, and forward on Lord Howe.
    datetime(2026, 10, 24, 23, 58, tzinfo=UTC),
    datetime(2026, 11, 1, 3, 58, tzinfo=UTC),
    datetime(2026, 11, 1, 5, 58, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 28, tzinfo=UTC),
    # Midnight in Kolkata, and in Apia.
    datetime(2026, 11, 17, 18, 29, tzinfo=UTC),
    datetime(2026, 11, 18, 10, 59, tzinfo=UTC),
    # A week and a month end.
    datetime(2026, 11, 15, 23, 59, tzinfo=UTC),
    datetime(2026, 10, 31, 23, 59, 50, tzinfo=UTC),
)
MODELS = {
    "claude_code": ("claude-opus-4-8", "claude-haiku-4-5", "corp-opus"),
    "codex": ("gpt-5.1", "corp-codex"),
    "gemini_cli": ("gemini-2.5-pro", "gemini-2.5-flash"),
    "qwen_code": ("corp-qwen",),
    "github_copilot": ("gpt-5.1", "claude-haiku-4-5"),
    "opencode": ("claude-haiku-4-5", "corp-open"),
    "other": ("gpt-5.1",),
}
AGENTS = tuple(MODELS)
PROJECT = "github.com/acme/web"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an e-mail address and everything else that means the same one."""

    number: int

    @property
    def email(self) -> str:
        return f"person{self.number}@acme.dev"

    @property
    def login(self) -> str:
        return f"login-{self.number}"

    @property
    def user_id(self) -> str:
        return f"{self.number:064x}"


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool use, made after a call."""

    tool_use_id: str
    name: str
    success: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One model call. Input is what no cache knew; output includes reasoning; `cost` is the client's own figure."""

    number: int
    at: datetime
    model: str
    input: int
    read: int
    write_5m: int
    write_1h: int
    output: int
    reasoning: int
    by_subagent: bool
    failed: bool
    cost: Decimal
    tool: Tool | None

    @property
    def write(self) -> int:
        return self.write_5m + self.write_1h


@dataclass(frozen=True, slots=True)
class Session:
    """One session of an agent: `starts` are the numbers of calls before which a new process took over."""

    agent: str
    session_id: str
    person: Person
    calls: tuple[Call, ...]
    starts: frozenset[int]

    def processes(self) -> list[list[Call]]:
        """The calls, process by process."""
        found: list[list[Call]] = [[]]
        for call in self.calls:
            if call.number in self.starts and found[-1]:
                found.append([])
            found[-1].append(call)
        return found


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and how many lines it added; `session` had a part in it, as a hook saw."""

    commit_hash: str
    at: datetime
    person: Person
    lines: int
    session: Session | None


@dataclass(frozen=True, slots=True)
class Team:
    """Everything that happened."""

    people: tuple[Person, ...]
    sessions: tuple[Session, ...]
    commits: tuple[Commit, ...]


counts = st.one_of(st.integers(0, 40), st.integers(0, 3_000), st.integers(0, 150_000))


@st.composite
def calls(draw: st.DrawFn, agent: str, number: int, at: datetime) -> Call:
    """One call; now and then with the tokens of others, for agents that give their calls no id."""
    anthropic = agent == "claude_code"
    failed = draw(st.sampled_from([False] * 7 + [True]))
    same = draw(st.booleans())
    tokens = [7, 0, 0, 0, 5] if same else [draw(counts) for _ in range(5)]
    if failed:
        tokens = [0, 0, 0, 0, 0]
    elif tokens[0] + tokens[4] == 0:
        tokens[0] = 1
    tool = None
    if not failed and draw(st.sampled_from([True, False, False])):
        tool = Tool(f"tool-{number}", draw(st.sampled_from(["Edit", "Bash"])), draw(st.booleans()))
    return Call(
        number=number,
        at=at,
        model=draw(st.sampled_from(MODELS[agent])),
        input=tokens[0],
        read=tokens[1],
        write_5m=tokens[2] if anthropic else 0,
        write_1h=tokens[3] if anthropic else 0,
        output=tokens[4],
        reasoning=draw(st.integers(0, tokens[4])),
        by_subagent=agent != "codex" and draw(st.sampled_from([False, False, False, True])),
        failed=failed,
        cost=Decimal(0 if failed else draw(st.integers(0, 3_000_000))).scaleb(-6),
        tool=tool,
    )


@st.composite
def sessions(draw: st.DrawFn, number: int, people: tuple[Person, ...]) -> Session:
    """One to six calls from a moment at which days, weeks or offsets change somewhere."""
    agent = draw(st.sampled_from(AGENTS))
    at = draw(st.sampled_from(FIRST_MOMENTS)) + timedelta(milliseconds=draw(st.integers(0, 30_000)))
    made: list[Call] = []
    for position in range(draw(st.integers(1, 6))):
        made.append(draw(calls(agent, number * 100 + position, at)))
        at += timedelta(milliseconds=draw(st.sampled_from([400, 3_000, 12_000, 70_000, 4_000_000, 50_000_000])))
    starts = draw(st.sets(st.sampled_from([call.number for call in made]), max_size=2))
    session_id = f"0193{number:04x}-0000-7000-8000-{draw(st.integers(0, 9)):012x}"
    return Session(agent, session_id, draw(st.sampled_from(people)), tuple(made), frozenset(starts))


@st.composite
def commits(draw: st.DrawFn, number: int, people: tuple[Person, ...], made: tuple[Session, ...]) -> Commit:
    """A commit near a call or far from all; with or without lines and evidence."""
    near = draw(st.one_of(st.none(), st.sampled_from(made)))
    at = near.calls[-1].at if near is not None else draw(st.sampled_from(FIRST_MOMENTS))
    linked = draw(st.one_of(st.none(), st.sampled_from(made)))
    return Commit(
        f"{number:02x}".ljust(40, "c"),
        at + timedelta(seconds=draw(st.integers(-20, 400))),
        near.person if near is not None else draw(st.sampled_from(people)),
        draw(st.one_of(st.just(0), st.integers(1, 500))),
        linked,
    )


@st.composite
def teams(draw: st.DrawFn) -> Team:
    """One to three people with up to five sessions and up to four commits."""
    people = tuple(Person(number) for number in range(draw(st.integers(1, 3))))
    made = tuple(draw(sessions(number, people)) for number in range(draw(st.integers(1, 5))))
    committed = tuple(draw(commits(number, people, made)) for number in range(draw(st.integers(0, 4))))
    return Team(people, made, committed)
