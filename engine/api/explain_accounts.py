"""What every figure is made of: for each view and column the rows behind it and how they add up, or why there are none.

Owns this table and the sources it names. Refuses to ask: explain.py does. A column that is in neither table has no
account, and explain.py says that its SQL is all there is; a test walks over every column and names those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.api.views import Column, Scope, View


def _source(name: str, key: str, columns: str, developer: str, project: str | None) -> View:
    """Rows of `explain_NAME.sql`, in the order of their column names; who may see them is held by the two columns."""
    shown = tuple(Column(column, "text", "") for column in columns.split())
    return View(f"explain_{name}", "", shown, (key,), key, (Scope("rows", {}, None, developer, project),))


_TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")

REQUESTS = _source(
    "requests",
    "request_key",
    "request_key session_id agent_type developer_id developer_name project_id project_name branch ts model_name"
    " model_id query_source grain input_tokens cache_read_tokens cache_write_tokens output_tokens reasoning_tokens"
    " total_tokens duration_ms success error_code cost_usd cost_basis cost_reported_usd cost_priced_usd sources",
    "u.developer_id",
    "u.project_id",
)
OBSERVATIONS = _source(
    "observations",
    "observation_key",
    "observation_key source session_id agent_type developer_id developer_name ts model_name input_tokens"
    " cache_read_tokens cache_write_tokens output_tokens total_tokens success cost_reported_usd",
    "u.developer_id",
    None,
)
SESSIONS = _source(
    "sessions",
    "session_id",
    "session_id agent_type developer_id developer_name project_id project_name branch session_start last_event_at"
    " active_seconds request_count tool_call_count tool_error_count total_tokens cost_usd",
    "s.developer_id",
    "s.project_id",
)
TOOLS = _source(
    "tools",
    "tool_call_key",
    "tool_call_key session_id agent_type developer_id developer_name ts tool_name duration_ms success error_type",
    "t.developer_id",
    "t.project_id",
)
COMMITS = _source(
    "commits",
    "commit_hash",
    "commit_hash project_id project_name developer_id developer_name commit_timestamp commit_subject files_changed"
    " lines_added lines_deleted attribution confidence",
    "c.developer_id",
    "c.project_id",
)
LINKS = _source(
    "links",
    "commit_hash",
    "commit_hash project_id project_name agent_type session_id commit_timestamp commit_subject lines_added"
    " lines_deleted confidence method",
    "c.developer_id",
    "l.project_id",
)
LEDGER = _source(
    "ledger",
    "session_id",
    "commit_hash project_id agent_type session_id date confidence total_tokens cost_usd",
    "c.developer_id",
    "c.project_id",
)
EVIDENCE = _source(
    "evidence",
    "kind",
    "commit_hash project_id agent_type session_id kind class confidence",
    "c.developer_id",
    "e.project_id",
)
HOOKS = _source(
    "hooks",
    "session_id",
    "date agent_type session_id event_count first_event_at last_event_at",
    "h.developer_id",
    None,
)
COVERAGE = _source(
    "coverage",
    "date",
    "date developer_id developer_name agent_type verdict alarm alarm_since silent_session_count silent_tokens",
    "u.developer_id",
    None,
)
NAMES = {
    REQUESTS.name: "model calls",
    OBSERVATIONS.name: "signs of model calls",
    SESSIONS.name: "sessions",
    TOOLS.name: "tool calls",
    COMMITS.name: "commits",
    LINKS.name: "links of sessions with commits",
    LEDGER.name: "entries of the ledger",
    EVIDENCE.name: "signs of an agent",
    HOOKS.name: "days of sessions told by hooks",
    COVERAGE.name: "days of developers and agents",
}


@dataclass(frozen=True, slots=True)
class Account:
    """Rows behind a figure. `rows`: the condition on `source`'s rows, over `$row_COLUMN` of the explained row.

    `measure`: the aggregate that is the figure. `weight`: the order in which rows are shown, heaviest first. `scope`:
    the explained view's scope whose conditions hold for these rows, too. `priced`: the rows have prices.
    """

    source: View
    rows: str
    measure: str
    weight: str
    scope: str | None = None
    priced: bool = False


_SUMMED = (*_TOKENS, "reasoning_tokens", "total_tokens", "cost_usd", "cost_reported_usd", "cost_priced_usd")
_CALLS: Mapping[str, tuple[str, str]] = {
    **{name: (f"sum({name})", name) for name in _SUMMED},
    "unpriced_tokens": ("sum(total_tokens) filter (cost_usd is null)", "total_tokens * (cost_usd is null)::integer"),
    "request_count": ("count(*) filter (grain = 'request')", "cost_usd"),
    "error_count": ("count(*) filter (not success)", "(not success)::integer"),
    "subagent_request_count": (
        "count(*) filter (query_source = 'subagent')",
        "(query_source = 'subagent')::integer",
    ),
    "developer_count": ("count(distinct developer_id)", "cost_usd"),
}
"""Figures that are made of model calls wherever they stand: their aggregate and the weight of a call in them."""


def _calls(rows: str, *columns: str, scope: str | None = None) -> dict[str, Account]:
    return {name: Account(REQUESTS, rows, *_CALLS[name], scope, priced=True) for name in columns}


def _counted(source: View, rows: str, weight: str, condition: str = "", scope: str | None = None) -> Account:
    measure = f"count(*) filter ({condition})" if condition else "count(*)"
    first = f"({condition})::integer desc nulls last, {weight}" if condition else weight
    return Account(source, rows, measure, first, scope)


def _summed(source: View, rows: str, column: str, scope: str | None = None) -> Account:
    return Account(source, rows, f"sum({column})", column, scope)


_SESSION = "agent_type = $row_agent_type and session_id = $row_session_id"
_COMMIT = "project_id = $row_project_id and commit_hash = $row_commit_hash"
_DAY = "usage_date = $row_date and developer_id = $row_developer_id and agent_type = $row_agent_type"
_ALARM = "is_now and alarm is not null"

_GROUPS: Mapping[str, str] = {
    "day": "cast(usage_date as varchar)",
    "developer": "developer_id",
    "agent": "agent_type",
    "model": "coalesce(model_id, model_name)",
    "project": "project_id",
    "branch": "branch",
}


def _costs(by: str) -> dict[str, Account]:
    rows = f"{_GROUPS[by]} is not distinct from $row_key"
    return {
        **_calls(rows, *_SUMMED, "unpriced_tokens", "request_count", "error_count", scope="usage"),
        "session_count": Account(
            REQUESTS,
            rows,
            "count(distinct hash(agent_type, session_id)) filter (session_id is not null)",
            "cost_usd",
            "usage",
            True,
        ),
    }


def _work(column: str) -> dict[str, Account]:
    """Sessions and commits of a developer or a project."""
    rows = f"{column} = $row_{column}"
    return {
        **_calls(rows, "request_count", "total_tokens", "unpriced_tokens", "cost_usd", scope="usage"),
        "session_count": _counted(SESSIONS, rows, "cost_usd", scope="sessions"),
        "commit_count": _counted(COMMITS, rows, "lines_added", scope="commits"),
        "assisted_commit_count": _counted(COMMITS, rows, "lines_added", "attribution = 'assisted'", "commits"),
        "lines_added": _summed(COMMITS, rows, "lines_added", "commits"),
        "lines_deleted": _summed(COMMITS, rows, "lines_deleted", "commits"),
    }


def _told(source: str) -> Account:
    return _summed(OBSERVATIONS, f"{_DAY} and source = '{source}'", "total_tokens")


def _share(condition: str, measure: str = "cost_usd", rows: str = _DAY, scope: str | None = None) -> Account:
    return Account(REQUESTS, f"{rows} and {condition}", f"sum({measure})", measure, scope, priced=True)


_TELEMETRY = "list_has_any(sources, ['log', 'span', 'metric'])"
_ONE_SOURCE = "len(sources) = 1"

_ACCOUNTS: Mapping[str, Mapping[str, Account]] = {
    "sessions": {
        **_calls(_SESSION, *_SUMMED, "unpriced_tokens", "request_count", "error_count", "subagent_request_count"),
        "tool_call_count": _counted(TOOLS, _SESSION, "duration_ms"),
        "tool_error_count": _counted(TOOLS, _SESSION, "duration_ms", "success = false"),
        "commit_count": _counted(LINKS, _SESSION, "lines_added"),
        "lines_added": _summed(LINKS, _SESSION, "lines_added"),
        "lines_deleted": _summed(LINKS, _SESSION, "lines_deleted"),
    },
    "requests": {
        **_calls("request_key = $row_request_key", *_SUMMED),
        "duration_ms": _summed(REQUESTS, "request_key = $row_request_key", "duration_ms"),
    },
    "tools": {"duration_ms": _summed(TOOLS, "tool_call_key = $row_tool_call_key", "duration_ms")},
    "commits": {
        **{name: _summed(COMMITS, _COMMIT, name) for name in ("files_changed", "lines_added", "lines_deleted")},
        "tokens_used": _summed(LEDGER, _COMMIT, "total_tokens"),
        "cost_usd": _summed(LEDGER, _COMMIT, "cost_usd"),
    },
    "developers": {
        **_work("developer_id"),
        "live_session_count": _counted(SESSIONS, "developer_id = $row_developer_id", "cost_usd", "is_live", "sessions"),
        "active_seconds": replace(
            _summed(SESSIONS, "developer_id = $row_developer_id", "active_seconds", "sessions"),
            measure="cast(sum(active_seconds) as double)",
        ),
    },
    "agents": {
        **_calls(
            "agent_type = $row_agent_type",
            *(*_TOKENS, "total_tokens", "unpriced_tokens", "cost_usd"),
            *("request_count", "error_count", "developer_count"),
            scope="usage",
        ),
        "session_count": _counted(SESSIONS, "agent_type = $row_agent_type", "cost_usd", scope="sessions"),
        **{
            name: _summed(SESSIONS, "agent_type = $row_agent_type", name, "sessions")
            for name in ("tool_call_count", "tool_error_count")
        },
        "assisted_commit_count": _counted(
            COMMITS, "agent_type = $row_agent_type", "lines_added", "attribution = 'assisted'", "commits"
        ),
    },
    "projects": {
        **_work("project_id"),
        **_calls("project_id = $row_project_id", "developer_count", scope="usage"),
    },
    "models": _calls(
        "coalesce(model_id, model_name) is not distinct from $row_model",
        *(*_TOKENS, "reasoning_tokens", "total_tokens", "unpriced_tokens", "cost_usd"),
        *("request_count", "error_count", "developer_count"),
        scope="usage",
    ),
    "coverage": {
        **_calls(_DAY, "total_tokens", "cost_usd"),
        "request_count": Account(
            REQUESTS, _DAY, "count(*) filter (success and grain = 'request')", "cost_usd", priced=True
        ),
        "session_count": Account(REQUESTS, _DAY, "count(distinct session_id)", "cost_usd", priced=True),
        "telemetry_request_count": _counted(
            OBSERVATIONS, f"{_DAY} and source in ('log', 'span')", "total_tokens", "success"
        ),
        "transcript_request_count": _counted(
            OBSERVATIONS, f"{_DAY} and source = 'transcript'", "total_tokens", "success"
        ),
        "hook_session_count": _counted(HOOKS, _DAY.replace("usage_date", "date"), "event_count"),
        "log_tokens": _told("log"),
        "span_tokens": _told("span"),
        "metric_tokens": _told("metric"),
        "transcript_tokens": _told("transcript"),
        "telemetry_cost_usd": _share(_TELEMETRY),
        "transcript_cost_usd": _share("list_contains(sources, 'transcript')"),
        "single_source_cost_usd": _share(_ONE_SOURCE),
        "single_source_tokens": _share(_ONE_SOURCE, "total_tokens"),
    },
    "trust": {
        **_calls("true", "request_count", "total_tokens", "unpriced_tokens", "cost_usd", scope="usage"),
        "single_source_tokens": _share(_ONE_SOURCE, "total_tokens", "true", "usage"),
        "single_source_cost_usd": _share(_ONE_SOURCE, "cost_usd", "true", "usage"),
        "metric_tokens": _share("grain = 'metric'", "total_tokens", "true", "usage"),
        "metric_cost_usd": _share("grain = 'metric'", "cost_usd", "true", "usage"),
        "priced_cost_usd": _share("cost_basis = 'priced'", "cost_usd", "true", "usage"),
        **{
            f"{name}developer_count": Account(
                COVERAGE, rows, "count(distinct developer_id)", "silent_tokens", "coverage"
            )
            for name, rows in (
                ("", "true"),
                ("alarm_", _ALARM),
                ("stopped_", f"{_ALARM} and alarm = 'telemetry stopped'"),
                ("missing_", f"{_ALARM} and alarm = 'telemetry missing'"),
                ("unread_", f"{_ALARM} and alarm = 'history not read'"),
            )
        },
    },
}

_OF_COUNTED: Mapping[str, Account] = {
    **_calls(_SESSION, *_TOKENS, "total_tokens", "cost_usd", "cost_reported_usd", "error_count"),
    "request_count": Account(
        REQUESTS, _SESSION, "count(*) filter (success and grain = 'request')", "cost_usd", priced=True
    ),
    "only_tokens": _share(_ONE_SOURCE, "total_tokens", _SESSION),
}
_SAID = f"{_SESSION} and source = $row_source"
_OF_SOURCE: Mapping[str, Account] = {
    **{name: _summed(OBSERVATIONS, _SAID, name) for name in (*_TOKENS, "total_tokens", "cost_reported_usd")},
    "request_count": _counted(OBSERVATIONS, _SAID, "total_tokens", "success and grain = 'request'"),
    "error_count": _counted(OBSERVATIONS, _SAID, "total_tokens", "not success"),
    "cost_usd": _share("list_contains(sources, $row_source)", rows=_SESSION),
    "only_tokens": _share("sources = [$row_source]", "total_tokens", _SESSION),
}
_OF_SIGNS: Mapping[str, Mapping[str, Account]] = {
    "hook": {"sign_count": _summed(HOOKS, _SESSION, "event_count")},
    "commit": {"sign_count": _counted(LINKS, _SESSION, "lines_added")},
}

_REASONS: Mapping[tuple[str, str], str] = {
    ("coverage", "clock_drift_seconds"): "the newest event of the promptest delivery less its arrival at the engine",
    ("sessions", "duration_seconds"): "session_end less session_start; nothing is added up",
    (
        "sessions",
        "active_seconds",
    ): "as the agent reports it, else the silences of at most 5 minutes between its events",
    ("sessions", "prompt_count"): "prompts in log records, or in hooks and the history, whichever tell of more",
    ("sessions", "tokens_trend"): "tokens of the session's model calls by five minutes; explain total_tokens",
    (
        "commits",
        "confidence",
    ): "signs of the same class count once, of different classes as 1 - (1 - a)(1 - b), at most 0.99",
    ("commits", "seconds_after_session"): "commit_timestamp less the end of the surest session; nothing is added up",
    ("costs", "share"): "cost_usd of this row by that of all rows; explain cost_usd",
    (
        "costs",
        "previous_cost_usd",
    ): "cost_usd of the same number of days before; ask for those days and explain cost_usd",
    (
        "costs",
        "covered_usd",
    ): "cost_usd of the calls for which the developer had a declared plan of their agent that day",
    ("costs", "paid_usd"): "prices of the declared plans, spread over their days; aa-engine prices plans lists them",
    ("developers", "cost_per_commit_usd"): "cost_usd by commit_count; explain each of them",
    ("coverage", "silent_session_count"): "sessions by day and source; the session's sources show which side is silent",
    ("coverage", "silent_tokens"): "tokens after the silence began; the session's sources show which side is silent",
    (
        "session_sources",
        "difference_tokens",
    ): "total_tokens of this source less those of `counted`; explain each of them",
    ("session_sources", "sign_count"): "only hooks and commits give signs; of other sources explain request_count",
}
"""Why a figure is no sum of rows, and where to go on."""

PARTS: Mapping[tuple[str, str], Account] = {
    ("commits", "confidence"): Account(EVIDENCE, _COMMIT, "count(*)", "confidence"),
}
"""Rows that a figure without a sum rests on all the same."""


def account_of(view: str, by: str | None, column: str, source: object = None) -> Account | None:
    """What the figure is made of; None: it is no sum. `source` is the row's, in session_sources."""
    if view == "costs" and by is not None:
        return _costs(by).get(column)
    if view == "session_sources":
        if source == "counted":
            return _OF_COUNTED.get(column)
        return _OF_SIGNS.get(str(source), _OF_SOURCE).get(column)
    return _ACCOUNTS.get(view, {}).get(column)


def reason_of(view: str, column: str) -> str | None:
    """Why there is no account."""
    return _REASONS.get((view, column))
