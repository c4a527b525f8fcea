"""Views whose rows are sums: costs by group, developers, agents, projects, models.

Owns their declarations. Refuses single events: those are rows.py.
"""

from __future__ import annotations

from engine.api.views.declaration import Column, Scope, View
from engine.api.views.parts import (
    COST,
    COST_BASIS,
    COST_PAID,
    COST_SOURCES,
    DEVELOPER,
    MODEL_WORDS,
    PROJECT,
    TOKENS,
    TOTAL_TOKENS,
    UNPRICED,
    commit_targets,
    people,
    places,
    session_targets,
    usage_targets,
)
from engine.filters.to_sql import Target

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
        *COST_PAID,
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
        Scope(
            "plans",
            {
                **{
                    name: target
                    for name, target in usage_targets("u", "date").items()
                    if name in ("since", "until", "dev")
                },
                "agent": Target(("u.agent_types[1]",)),
            },
            developer="u.developer_id",
        ),
        # Whoever asks for some projects, models or words asks for what no plan is paid for.
        Scope(
            "undivided",
            {name: Target(("null",)) for name in ("project", "branch", "model", "kind")},
            Target(("null",)),
            developer="u.developer_id",
            narrows=True,
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
        "covered_usd",
        "paid_usd",
        "previous_cost_usd",
    ),
    # Who spent before and not since is in no row, but in the comparison; so is a seat that nobody used.
    wholes={"previous_cost_usd": "previous_total_usd", "paid_usd": "paid_total_usd"},
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
