"""The fields that a filter may name.

Owns name, aliases, kind and help of every field; the parser, the completion of the console, the API's documentation
and docs/reference/filters.md all read this registry. Refuses to know any table: a view says which column answers a
field (`to_sql.Target`), and a view without one refuses the field by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "choice", "number", "duration", "time"]

NO_WORDS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the grammar.

    `choices`: the only values of a choice. `synonyms`: other words for a value, lower case. `prefix`: a value
    matches whatever begins with it, as git does for hashes.
    """

    name: str
    kind: Kind
    help: str
    example: str
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    synonyms: Mapping[str, str] = field(default_factory=lambda: NO_WORDS)
    prefix: bool = False

    @property
    def operators(self) -> tuple[str, ...]:
        """What may stand between the name and its value."""
        return (":", ">", ">=", "<", "<=") if self.kind in ("number", "duration") else (":",)


AGENT_WORDS = {
    "claude": "claude_code",
    "claude-code": "claude_code",
    "copilot": "github_copilot",
    "gemini": "gemini_cli",
    "qwen": "qwen_code",
}
YES_OR_NO = {"yes": "assisted", "y": "assisted", "true": "assisted", "no": "none", "n": "none", "false": "none"}

FIELDS: tuple[Field, ...] = (
    Field("dev", "text", "developer: id, name or e-mail", "dev:alice", ("developer",)),
    Field("agent", "text", "coding agent", "agent:claude_code,codex", synonyms=AGENT_WORDS),
    Field("model", "text", "model, as seen or canonical, with or without its vendor", "model:opus*"),
    Field("project", "text", "git repository: name or address", "project:web", ("repo",)),
    Field("branch", "text", "git branch", "branch:main"),
    Field("team", "text", "team of the developer", "team:platform"),
    Field(
        "state",
        "choice",
        "state of the session: live (event in the last 2 min), idle (15 min) or ended",
        "state:live",
        choices=("live", "idle", "ended"),
        synonyms={"done": "ended"},
    ),
    Field("tool", "text", "tool that was called", "tool:Bash"),
    Field("kind", "text", "who asked the model: main, subagent or auxiliary", "kind:subagent"),
    Field("since", "time", "from then on: 15m and 24h are exact, 7d and 3w are whole days with today", "since:7d"),
    Field("until", "time", "before then; a named day is included", "until:2026-11-01"),
    Field("cost", "number", "US dollars; none where no price is known", "cost>5"),
    Field("tokens", "number", "all tokens: input, cache read, cache write and output", "tokens>=1.5M"),
    Field("cache", "number", "tokens read from cache", "cache>100k"),
    Field("dur", "duration", "how long it took; a bare number is seconds", "dur>10m", ("duration",)),
    Field("age", "duration", "time since it began", "age>10m"),
    Field("commits", "number", "commits linked to it", "commits>0"),
    Field("lines", "number", "lines added and deleted", "lines>=500"),
    Field(
        "assisted",
        "choice",
        "whether an agent had part in the commit: yes (assisted), possible, no (none) or unknown",
        "assisted:yes",
        ("link", "ai"),
        choices=("assisted", "possible", "none", "unknown"),
        synonyms=YES_OR_NO,
    ),
    Field("err", "number", "errors", "err>0", ("errors",)),
    Field("ticket", "text", "ticket that the branch or the commit names", "ticket:PAY-142"),
    Field("session", "text", "session id", "session:7f3a0c1e-*"),
    Field("sha", "text", "commit hash, or the beginning of one", "sha:9f2c1ab", prefix=True),
)

BY_NAME: dict[str, Field] = {name: each for each in FIELDS for name in (each.name, *each.aliases)}


def names() -> list[str]:
    """Every word that may stand before an operator: names first, then aliases."""
    return [each.name for each in FIELDS] + [alias for each in FIELDS for alias in each.aliases]
