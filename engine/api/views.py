"""The views: one declaration each.

Owns, per view, its SQL file, the columns it shows with their kinds, where it answers each filter field, its key and its
order. Routes, filters, sorting, exports, OpenAPI and docs/reference/api.md are made from these declarations. Refuses
to run anything: query.py asks the questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Literal

from engine.filters.to_sql import Target

Kind = Literal["text", "integer", "number", "money", "instant", "day", "boolean", "texts", "integers", "links"]
SORTABLE: frozenset[str] = frozenset({"text", "integer", "number", "money", "instant", "day", "boolean"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a view. `sorted_by`: another column of the SQL whose order is meant when this one is sorted."""

    name: str
    kind: Kind
    help: str
    sorted_by: str | None = None
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Scope:
    """One place in a view's SQL, marked `/*filter:NAME*/ true`, where conditions on rows go.

    `targets` answer fields, `words` free words. `developer` and `project` are the columns by which a caller who may see
    only some rows is held to them. `narrows`: a condition here also leaves out rows of the view that have none
    of these facts.
    """

    name: str
    targets: Mapping[str, Target]
    words: Target | None = None
    developer: str | None = None
    project: str | None = None
    narrows: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """One view. `key` identifies a row; `totals` are summed over all rows into the metadata.

    `measures` answer fields on the finished rows (a group's cost). `has_page`: `NAME_page.sql` adds columns to a page.
    `groups`: values of the parameter `by`. `clocked`: rows depend on the present instant.
    """

    name: str
    help: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    default_sort: str
    scopes: tuple[Scope, ...]
    measures: Mapping[str, Target] = field(default_factory=dict)
    totals: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    has_page: bool = False
    clocked: bool = False

    def column(self, name: str) -> Column | None:
        """The column of that name, shown or not."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def shown(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.shown)

    @property
    def sortable(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.shown if column.kind in SORTABLE and column.name not in UNORDERED)

    @property
    def fields(self) -> frozenset[str]:
        """Names of the filter fields that this view answers."""
        return frozenset(self.measures).union(*(scope.targets for scope in self.scopes))


UNORDERED = frozenset({"activity"})


@cache
def sql(name: str) -> str:
    """The text of one SQL file of this package."""
    return (resources.files("engine.api") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def people(column: str, dimension: str | None = "d") -> Target:
    """A developer by id, by the local part of an e-mail id, by name or by e-mail."""
    more = () if dimension is None else (f"{dimension}.developer_name", f"{dimension}.developer_email")
    return Target((column, f"split_part({column}, '@', 1)", *more))


def places(column: str) -> Target:
    """A project by id, by owner/name or by name."""
    return Target((column, f"regexp_replace({column}, '^[^/]+/', '')", "p.project_name"))


def short_model(column: str) -> str:
    """A model's name without vendor path and family prefix, so that `model:opus*` finds claude-opus-4-5."""
    return f"regexp_replace(lower({column}), '^(.*/)?(claude-)?', '')"


def model_names(*columns: str) -> Target:
    return Target((*columns, *(short_model(column) for column in columns)))


def age(column: str) -> Target:
    return Target((f"(epoch($now::timestamptz) - epoch({column}))",))


def usage_targets(alias: str, day: str, people_from: str | None = "d") -> dict[str, Target]:
    """Fields answered by rows of usage: of `fct_daily_usage`, or of the requests below it."""
    targets = {
        "agent": Target((f"{alias}.agent_type",)),
        "model": model_names(f"{alias}.model_id", f"{alias}.model_name"),
        "project": places(f"{alias}.project_id"),
        "branch": Target((f"{alias}.branch",)),
        "kind": Target((f"{alias}.query_source",)),
        "since": Target((f"{alias}.{day}",), by_day=True),
        "until": Target((f"{alias}.{day}",), by_day=True),
    }
    if people_from is not None:
        targets["dev"] = people(f"{alias}.developer_id", people_from)
    return targets


def session_targets(alias: str) -> dict[str, Target]:
    """Fields answered by rows of `fct_sessions` wherever they are counted."""
    return {
        "agent": Target((f"{alias}.agent_type",)),
        "model": Target(
            ("item", short_model("item")), around=f"len(list_filter({alias}.models, lambda item: {{}})) > 0"
        ),
        "project": places(f"{alias}.project_id"),
        "branch": Target((f"{alias}.branch",)),
        "since": Target((f"{alias}.last_event_at",)),
        "until": Target((f"{alias}.session_start",)),
    }


def commit_targets(alias: str) -> dict[str, Target]:
    """Fields answered by rows of `fct_git_commits` wherever they are counted."""
    return {
        "agent": Target((f"{alias}.agent_type",)),
        "model": model_names(f"{alias}.model_name"),
        "project": places(f"{alias}.project_id"),
        "branch": Target((f"{alias}.branch",)),
        "since": Target((f"{alias}.commit_timestamp",)),
        "until": Target((f"{alias}.commit_timestamp",)),
    }


TOKENS = (
    Column("input_tokens", "integer", "uncached input tokens"),
    Column("cache_read_tokens", "integer", "tokens read from cache"),
    Column("cache_write_tokens", "integer", "tokens written to cache"),
    Column("output_tokens", "integer", "output tokens, reasoning included"),
)
TOTAL_TOKENS = Column("total_tokens", "integer", "input, cache read, cache write and output")
UNPRICED = Column("unpriced_tokens", "integer", "tokens of requests whose cost is unknown")
COST = Column("cost_usd", "money", "US dollars; reported by the client where it knows the model, else priced")
COST_SOURCES = (
    Column("cost_reported_usd", "money", "US dollars as the client reported them"),
    Column("cost_priced_usd", "money", "US dollars by the price book"),
)
COST_BASIS = Column("cost_basis", "text", "reported, priced, mixed or unpriced")
DEVELOPER = (
    Column("developer_id", "text", "developer"),
    Column("developer_name", "text", "the developer's name"),
)
PROJECT = (
    Column("project_id", "text", "git repository"),
    Column("project_name", "text", "the repository's name"),
)
MODEL_WORDS = "array_to_string(s.models, ' ')"

SESSIONS = View(
    name="sessions",
    help="Sessions of coding agents. `since` and `until` keep those that were active in between.",
    columns=(
        Column("session_id", "text", "the agent's own session id"),
        Column("agent_type", "text", "coding agent"),
        *DEVELOPER,
        *PROJECT,
        Column("branch", "text", "git branch"),
        Column("state", "text", "live, idle or ended, at this moment", sorted_by="state_rank"),
        Column("state_rank", "integer", "order of states: live, idle, ended", shown=False),
        Column("activity", "text", "thinking, tool or waiting, where the agent tells; else unknown"),
        Column("session_start", "instant", "first sign of the session"),
        Column("session_end", "instant", "end hook, else last event"),
        Column("last_event_at", "instant", "last event"),
        Column("duration_seconds", "number", "from start to end"),
        Column("active_seconds", "number", "without the pauses"),
        Column("models", "texts", "models that were asked"),
        Column("agent_version", "text", "version of the agent"),
        Column("request_count", "integer", "model calls"),
        Column("error_count", "integer", "model calls that failed"),
        Column("tool_call_count", "integer", "tool calls"),
        Column("tool_error_count", "integer", "tool calls that failed"),
        Column("prompt_count", "integer", "prompts of the user"),
        Column("subagent_request_count", "integer", "model calls of sub-agents"),
        Column("commit_count", "integer", "commits linked to the session"),
        Column("lines_added", "integer", "lines added by these commits"),
        Column("lines_deleted", "integer", "lines deleted by these commits"),
        *TOKENS,
        Column("reasoning_tokens", "integer", "reasoning tokens, part of the output"),
        TOTAL_TOKENS,
        UNPRICED,
        COST,
        *COST_SOURCES,
        COST_BASIS,
        Column("boundary_source", "text", "what start and end are known from"),
        Column("sources", "texts", "what told of the session"),
        Column("tokens_trend", "integers", "tokens per five minutes of the last hour, oldest first"),
    ),
    key=("agent_type", "session_id"),
    default_sort="-last_event_at",
    scopes=(
        Scope(
            "rows",
            {
                **session_targets("s"),
                "dev": people("s.developer_id"),
                "session": Target(("s.session_id",)),
                "tool": Target(
                    ("tool_name",),
                    around="(s.agent_type, s.session_id) in"
                    " (select (agent_type, session_id) from staging.stg_agent_tool_calls where {})",
                ),
                "sha": Target(
                    ("commit_hash",),
                    around="(s.agent_type, s.session_id) in"
                    " (select (agent_type, session_id) from intermediate.int_commit_session_links where {})",
                ),
                "cost": Target(("s.cost_usd",)),
                "tokens": Target(("s.total_tokens",)),
                "cache": Target(("s.cache_read_tokens",)),
                "dur": Target(("s.duration_seconds",)),
                "age": age("s.session_start"),
                "commits": Target(("s.commit_count",)),
                "lines": Target(("(s.lines_added + s.lines_deleted)",)),
                "err": Target(("(s.error_count + s.tool_error_count)",)),
            },
            Target(
                (
                    "s.session_id",
                    "s.agent_type",
                    "s.developer_id",
                    "d.developer_name",
                    "s.project_id",
                    "p.project_name",
                    "s.branch",
                    MODEL_WORDS,
                )
            ),
            developer="s.developer_id",
            project="s.project_id",
        ),
    ),
    measures={"state": Target(("state",))},
    has_page=True,
    clocked=True,
)

REQUESTS = View(
    name="requests",
    help="Model calls: the grain of tokens and money.",
    columns=(
        Column("request_key", "text", "identifies the call"),
        Column("session_id", "text", "session, unknown where the agent hides it"),
        Column("agent_type", "text", "coding agent"),
        *DEVELOPER,
        *PROJECT,
        Column("branch", "text", "git branch"),
        Column("ts", "instant", "when the answer was there"),
        Column("model_name", "text", "model as seen"),
        Column("model_id", "text", "canonical model, unknown where the price book has none"),
        Column("query_source", "text", "main, subagent or auxiliary"),
        *TOKENS,
        Column("reasoning_tokens", "integer", "reasoning tokens, part of the output"),
        TOTAL_TOKENS,
        Column("duration_ms", "integer", "duration in milliseconds"),
        Column("success", "boolean", "false: the call failed"),
        Column("error_code", "text", "what failed"),
        COST,
        COST_BASIS,
        *COST_SOURCES,
        Column("sources", "texts", "what told of the call"),
    ),
    key=("request_key",),
    default_sort="-ts",
    scopes=(
        Scope(
            "rows",
            {
                **usage_targets("r", "usage_date"),
                "since": Target(("r.ts",)),
                "until": Target(("r.ts",)),
                "session": Target(("r.session_id",)),
                "cost": Target(("r.cost_usd",)),
                "tokens": Target(("r.total_tokens",)),
                "cache": Target(("r.cache_read_tokens",)),
                "dur": Target(("(r.duration_ms / 1000)",)),
                "age": age("r.ts"),
                "err": Target(("(case when r.success = false then 1 else 0 end)",)),
            },
            Target(
                (
                    "r.session_id",
                    "r.agent_type",
                    "r.developer_id",
                    "d.developer_name",
                    "r.project_id",
                    "p.project_name",
                    "r.branch",
                    "r.model_name",
                    "r.query_source",
                    "r.error_code",
                )
            ),
            developer="r.developer_id",
            project="r.project_id",
        ),
    ),
)

TOOLS = View(
    name="tools",
    help="Tool calls of sessions.",
    columns=(
        Column("tool_call_key", "text", "identifies the call"),
        Column("session_id", "text", "session"),
        Column("agent_type", "text", "coding agent"),
        *DEVELOPER,
        *PROJECT,
        Column("ts", "instant", "when the result was there"),
        Column("usage_date", "day", "day in the report time zone"),
        Column("tool_name", "text", "tool"),
        Column("tool_use_id", "text", "the agent's own id of the call"),
        Column("duration_ms", "integer", "duration in milliseconds"),
        Column("success", "boolean", "false: the call failed or was denied"),
        Column("error_type", "text", "what failed"),
        Column("decision", "text", "accept or reject, where the user was asked"),
        Column("file_extension", "text", "extension of the edited file"),
        Column("is_git_commit", "boolean", "the call made a commit"),
        Column("commit_sha", "text", "abbreviated hash, as the agent names it"),
        Column("is_subagent", "boolean", "called by a sub-agent"),
    ),
    key=("tool_call_key",),
    default_sort="-ts",
    scopes=(
        Scope(
            "rows",
            {
                "dev": people("t.developer_id"),
                "agent": Target(("t.agent_type",)),
                "project": places("t.project_id"),
                "tool": Target(("t.tool_name",)),
                "kind": Target(("(case when t.is_subagent then 'subagent' else 'main' end)",)),
                "session": Target(("t.session_id",)),
                "since": Target(("t.ts",)),
                "until": Target(("t.ts",)),
                "dur": Target(("(t.duration_ms / 1000)",)),
                "age": age("t.ts"),
                "err": Target(("(case when t.success = false then 1 else 0 end)",)),
                "sha": Target(("t.commit_sha",)),
            },
            Target(
                (
                    "t.session_id",
                    "t.agent_type",
                    "t.developer_id",
                    "d.developer_name",
                    "t.project_id",
                    "p.project_name",
                    "t.tool_name",
                    "t.error_type",
                    "t.file_extension",
                )
            ),
            developer="t.developer_id",
            project="t.project_id",
        ),
    ),
)

COMMITS = View(
    name="commits",
    help="Commits, with the sessions that had part in them and how that is known.",
    columns=(
        Column("commit_hash", "text", "full hash"),
        *PROJECT,
        Column("remote_url", "text", "address of the repository"),
        *DEVELOPER,
        Column("author_name", "text", "git author"),
        Column("author_email", "text", "git author's e-mail"),
        Column("commit_timestamp", "instant", "when it was committed"),
        Column("commit_subject", "text", "first line of the message"),
        Column("branch", "text", "git branch"),
        Column("is_merge", "boolean", "has more than one parent"),
        Column("files_changed", "integer", "files changed"),
        Column("lines_added", "integer", "lines added, without generated and vendored files"),
        Column("lines_deleted", "integer", "lines deleted, without generated and vendored files"),
        Column("attribution", "text", "assisted, possible, none, or unknown without the author's telemetry"),
        Column("confidence", "number", "0 to 1, of the attribution"),
        Column("method", "text", "strongest kind of evidence"),
        Column("agent_type", "text", "coding agent of the surest session"),
        Column("agent_session_id", "text", "the surest session"),
        Column("model_name", "text", "model of that session"),
        Column("tokens_used", "integer", "the commit's share of the tokens"),
        Column("cost_usd", "money", "US dollars: the commit's share in the ledger"),
        Column("seconds_after_session", "number", "from the session's end to the commit; 0 within it"),
        Column("links", "links", "every session with part in it: agent_type, session_id, confidence, method"),
    ),
    key=("project_id", "commit_hash"),
    default_sort="-commit_timestamp",
    scopes=(
        Scope(
            "rows",
            {
                **commit_targets("c"),
                "dev": Target((*people("c.developer_id").expressions, "c.author_name", "c.author_email")),
                "assisted": Target(("c.attribution",)),
                "sha": Target(("c.commit_hash",)),
                "session": Target(
                    ("session_id",),
                    around="(c.project_id, c.commit_hash) in"
                    " (select (project_id, commit_hash) from intermediate.int_commit_session_links where {})",
                ),
                "cost": Target(("c.cost_usd",)),
                "tokens": Target(("c.tokens_used",)),
                "lines": Target(("(c.lines_added + c.lines_deleted)",)),
                "age": age("c.commit_timestamp"),
            },
            Target(
                (
                    "c.commit_hash",
                    "c.commit_subject",
                    "c.author_name",
                    "c.author_email",
                    "c.developer_id",
                    "d.developer_name",
                    "c.project_id",
                    "p.project_name",
                    "c.branch",
                    "c.agent_type",
                    "c.agent_session_id",
                )
            ),
            developer="c.developer_id",
            project="c.project_id",
        ),
    ),
    has_page=True,
)

_COST_MEASURES = {
    "cost": Target(("cost_usd",)),
    "tokens": Target(("total_tokens",)),
    "cache": Target(("cache_read_tokens",)),
    "err": Target(("error_count",)),
}


def _usage_words(alias: str) -> Target:
    columns = ("agent_type", "developer_id", "project_id", "branch", "model_name", "query_source")
    return Target((*(f"{alias}.{column}" for column in columns), "d.developer_name", "p.project_name"))


def _without_time(targets: dict[str, Target]) -> dict[str, Target]:
    return {name: target for name, target in targets.items() if name not in ("since", "until")}


COSTS = View(
    name="costs",
    help="Spend by group. `since` and `until` mean days of the events; with `since` the time before is compared.",
    columns=(
        Column("key", "text", "the group; unknown for rows without one"),
        Column("key_name", "text", "the group's name"),
        Column("session_count", "integer", "sessions with a model call in the group"),
        Column("request_count", "integer", "model calls"),
        Column("error_count", "integer", "model calls that failed"),
        *TOKENS,
        Column("reasoning_tokens", "integer", "reasoning tokens, part of the output"),
        TOTAL_TOKENS,
        UNPRICED,
        COST,
        *COST_SOURCES,
        COST_BASIS,
        Column("share", "number", "0 to 1, of the cost of all groups"),
        Column("previous_cost_usd", "money", "US dollars in the same length of time before; unknown without `since`"),
    ),
    key=("key",),
    default_sort="-cost_usd",
    scopes=(
        Scope(
            "usage", usage_targets("u", "date"), _usage_words("u"), developer="u.developer_id", project="u.project_id"
        ),
        Scope(
            "previous",
            _without_time(usage_targets("u", "date")),
            _usage_words("u"),
            developer="u.developer_id",
            project="u.project_id",
        ),
        Scope(
            "requests",
            usage_targets("u", "usage_date"),
            _usage_words("u"),
            developer="u.developer_id",
            project="u.project_id",
        ),
    ),
    measures=_COST_MEASURES,
    totals=(
        "session_count",
        "request_count",
        "error_count",
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
        "total_tokens",
        "unpriced_tokens",
        "cost_usd",
        "cost_reported_usd",
        "cost_priced_usd",
        "previous_cost_usd",
    ),
    groups=("day", "developer", "agent", "model", "project", "branch"),
)

_WORK_MEASURES = {
    "cost": Target(("cost_usd",)),
    "tokens": Target(("total_tokens",)),
}

DEVELOPERS = View(
    name="developers",
    help="Developers and their work, in the range or ever.",
    columns=(
        *DEVELOPER,
        Column("developer_email", "text", "e-mail"),
        Column("agents", "texts", "coding agents in use"),
        Column("session_count", "integer", "sessions"),
        Column("live_session_count", "integer", "sessions live at this moment"),
        Column("request_count", "integer", "model calls"),
        Column("active_seconds", "number", "active time in sessions"),
        TOTAL_TOKENS,
        UNPRICED,
        COST,
        Column("commit_count", "integer", "commits"),
        Column("assisted_commit_count", "integer", "commits an agent had part in"),
        Column("lines_added", "integer", "lines added by these commits"),
        Column("lines_deleted", "integer", "lines deleted by these commits"),
        Column("cost_per_commit_usd", "money", "US dollars per commit"),
        Column("first_seen_at", "instant", "first sign"),
        Column("last_seen_at", "instant", "last sign"),
    ),
    key=("developer_id",),
    default_sort="-last_seen_at",
    scopes=(
        Scope(
            "people",
            {"dev": people("d.developer_id")},
            Target(("d.developer_id", "d.developer_name", "d.developer_email")),
            developer="d.developer_id",
        ),
        Scope("usage", usage_targets("u", "date", None), None, "u.developer_id", "u.project_id", narrows=True),
        Scope("sessions", session_targets("s"), None, "s.developer_id", "s.project_id", narrows=True),
        Scope("commits", commit_targets("c"), None, "c.developer_id", "c.project_id", narrows=True),
    ),
    measures={
        **_WORK_MEASURES,
        "commits": Target(("commit_count",)),
        "lines": Target(("(lines_added + lines_deleted)",)),
    },
    clocked=True,
)

AGENTS = View(
    name="agents",
    help="Coding agents that were seen, in the range or ever.",
    columns=(
        Column("agent_type", "text", "coding agent"),
        Column("agent_display_name", "text", "its name"),
        Column("vendor", "text", "who makes it"),
        Column("interface_type", "text", "terminal, editor or cloud"),
        Column("developer_count", "integer", "developers who used it"),
        Column("session_count", "integer", "sessions"),
        Column("request_count", "integer", "model calls"),
        Column("error_count", "integer", "model calls that failed"),
        Column("tool_call_count", "integer", "tool calls"),
        Column("tool_error_count", "integer", "tool calls that failed"),
        *TOKENS,
        TOTAL_TOKENS,
        UNPRICED,
        COST,
        Column("assisted_commit_count", "integer", "commits it had part in"),
        Column("last_event_at", "instant", "last event of a session"),
    ),
    key=("agent_type",),
    default_sort="-last_event_at",
    scopes=(
        Scope("usage", usage_targets("u", "date"), _usage_words("u"), "u.developer_id", "u.project_id"),
        Scope(
            "sessions",
            {**session_targets("s"), "dev": people("s.developer_id")},
            Target(("s.agent_type", "s.developer_id", "d.developer_name", "s.project_id", "s.branch", MODEL_WORDS)),
            "s.developer_id",
            "s.project_id",
        ),
        Scope(
            "commits",
            {**commit_targets("c"), "dev": people("c.developer_id")},
            Target(("c.agent_type", "c.developer_id", "d.developer_name", "c.project_id", "c.branch", "c.model_name")),
            "c.developer_id",
            "c.project_id",
        ),
    ),
    measures={**_WORK_MEASURES, "commits": Target(("assisted_commit_count",)), "err": Target(("error_count",))},
)


def _by_project(alias: str, targets: dict[str, Target]) -> dict[str, Target]:
    """The fields of facts without the project, which the view's own rows answer."""
    kept = {name: target for name, target in targets.items() if name != "project"}
    return {**kept, "dev": people(f"{alias}.developer_id")}


PROJECTS = View(
    name="projects",
    help="Git repositories and the work in them, in the range or ever.",
    columns=(
        *PROJECT,
        Column("remote_url", "text", "address of the repository"),
        Column("developer_count", "integer", "developers with agents in it"),
        Column("agents", "texts", "coding agents in use"),
        Column("session_count", "integer", "sessions"),
        Column("request_count", "integer", "model calls"),
        TOTAL_TOKENS,
        UNPRICED,
        COST,
        Column("commit_count", "integer", "commits"),
        Column("assisted_commit_count", "integer", "commits an agent had part in"),
        Column("lines_added", "integer", "lines added by these commits"),
        Column("lines_deleted", "integer", "lines deleted by these commits"),
        Column("last_event_at", "instant", "last event of a session"),
        Column("last_commit_at", "instant", "last commit"),
    ),
    key=("project_id",),
    default_sort="-last_event_at",
    scopes=(
        Scope(
            "places",
            {"project": places("p.project_id")},
            Target(("p.project_id", "p.project_name", "p.remote_url")),
            project="p.project_id",
        ),
        Scope("usage", _by_project("u", usage_targets("u", "date")), None, "u.developer_id", "u.project_id", True),
        Scope("sessions", _by_project("s", session_targets("s")), None, "s.developer_id", "s.project_id", True),
        Scope("commits", _by_project("c", commit_targets("c")), None, "c.developer_id", "c.project_id", True),
    ),
    measures={
        **_WORK_MEASURES,
        "commits": Target(("commit_count",)),
        "lines": Target(("(lines_added + lines_deleted)",)),
    },
)

MODELS = View(
    name="models",
    help="Language models that were asked, in the range or ever.",
    columns=(
        Column("model", "text", "canonical model, else the name as seen"),
        Column("model_id", "text", "canonical model, unknown where the price book has none"),
        Column("model_names", "texts", "names as seen"),
        Column("provider", "text", "who serves it"),
        Column("agents", "texts", "coding agents that asked it"),
        Column("developer_count", "integer", "developers who used it"),
        Column("request_count", "integer", "model calls"),
        Column("error_count", "integer", "model calls that failed"),
        *TOKENS,
        Column("reasoning_tokens", "integer", "reasoning tokens, part of the output"),
        TOTAL_TOKENS,
        UNPRICED,
        COST,
        Column("first_day", "day", "first day of use"),
        Column("last_day", "day", "last day of use"),
    ),
    key=("model",),
    default_sort="-cost_usd",
    scopes=(Scope("usage", usage_targets("u", "date"), _usage_words("u"), "u.developer_id", "u.project_id"),),
    measures=_COST_MEASURES,
)

VIEWS: dict[str, View] = {
    view.name: view for view in (SESSIONS, REQUESTS, TOOLS, COMMITS, COSTS, DEVELOPERS, AGENTS, PROJECTS, MODELS)
}
