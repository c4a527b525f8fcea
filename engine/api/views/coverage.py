"""Views that tell how far figures may be believed: coverage by day, sources of a session, trust in a total.

Owns their declarations. Refuses to repair anything: where sources disagree, they show both.
"""

from __future__ import annotations

from engine.api.views.declaration import Column, Scope, View
from engine.api.views.parts import (
    COST,
    DEVELOPER,
    TOKENS,
    TOTAL_TOKENS,
    UNPRICED,
    people,
    session_targets,
    usage_targets,
)
from engine.filters.to_sql import Target


def _days(alias: str) -> dict[str, Target]:
    """Fields that a developer's day with an agent answers."""
    asked = ("agent", "since", "until", "dev")
    return {name: target for name, target in usage_targets(alias, "date").items() if name in asked}


_DAY_WORDS = Target(("u.agent_type", "u.developer_id", "d.developer_name"))

COVERAGE = View(
    name="coverage",
    help="What each source told of a developer's day, beside what was counted, and alarms about silent sources.",
    columns=(
        Column("coverage_key", "text", "day, developer and agent"),
        Column("date", "day", "day of the report time zone"),
        *DEVELOPER,
        Column("agent_type", "text", "coding agent"),
        Column("sources", "texts", "who spoke: log, span, metric, transcript, hook, commit, vendor"),
        Column("session_count", "integer", "sessions with a model call"),
        Column("request_count", "integer", "model calls that were counted"),
        Column("telemetry_request_count", "integer", "model calls that log records or spans tell of"),
        Column("transcript_request_count", "integer", "model calls that the agent's own history tells of"),
        Column("hook_session_count", "integer", "sessions that the agent's hooks tell of"),
        Column("total_tokens", "integer", "tokens that were counted"),
        Column("log_tokens", "integer", "tokens of log records alone"),
        Column("span_tokens", "integer", "tokens of spans alone"),
        Column("metric_tokens", "integer", "tokens of counters alone"),
        Column("transcript_tokens", "integer", "tokens of the agent's own history alone"),
        Column("single_source_tokens", "integer", "counted tokens that only one source tells of"),
        COST,
        Column("telemetry_cost_usd", "money", "US dollars of the counted calls that telemetry tells of"),
        Column("transcript_cost_usd", "money", "US dollars of the counted calls that the agent's own history tells of"),
        Column("single_source_cost_usd", "money", "US dollars of the counted calls that only one source tells of"),
        Column("telemetry_until", "instant", "last sign of telemetry that day"),
        Column("transcript_until", "instant", "last sign of the agent's own history that day"),
        Column(
            "verdict",
            "text",
            "the alarm, or telemetry has gaps, history has gaps, counters only, sources agree, one source, no figures;"
            " too early to tell in the first quarter of an hour",
        ),
        Column(
            "alarm",
            "text",
            "telemetry stopped: it told before and is silent while work goes on; telemetry missing: it is silent about"
            " some sessions; history not read: telemetry tells of sessions that the history read before has not",
        ),
        Column("alarm_since", "instant", "first work that the silent side does not tell of"),
        Column("last_told_at", "instant", "when the silent side last spoke"),
        Column("last_told_version", "text", "the agent's version when telemetry last spoke on an earlier day"),
        Column("silent_version", "text", "the agent's version in the silence"),
        Column("silent_session_count", "integer", "sessions that the silent side does not tell of"),
        Column("silent_tokens", "integer", "tokens of these sessions in the silence"),
        Column("state", "text", "alarm (of now), past (alarm of an earlier day, or of two weeks ago) or quiet"),
        Column(
            "clock_drift_seconds",
            "number",
            "how far the sender's clock is ahead, or below zero behind (the way takes some seconds, too), by the"
            " promptest delivery of the last seven days; null for older days",
        ),
    ),
    key=("coverage_key",),
    default_sort="-date",
    scopes=(Scope("usage", _days("u"), _DAY_WORDS, developer="u.developer_id"),),
    measures={
        "tokens": Target(("total_tokens",)),
        "cost": Target(("cost_usd",)),
    },
    clocked=True,
)

SESSION_SOURCES = View(
    name="session_sources",
    help="What each source alone tells of a session, beside what was counted.",
    columns=(
        Column("source_key", "text", "agent, session and source"),
        Column("agent_type", "text", "coding agent"),
        Column("session_id", "text", "the agent's own session id"),
        *DEVELOPER,
        Column(
            "source",
            "text",
            "counted (all brought together), log, span, metric, transcript, hook or commit",
            sorted_by="source_rank",
        ),
        Column("source_rank", "integer", "order of the sources", shown=False),
        Column("request_count", "integer", "successful model calls it tells of; unknown for hooks and commits"),
        Column("error_count", "integer", "failed model calls it tells of"),
        Column("sign_count", "integer", "prompts and turns of hooks, or commits; unknown for the others"),
        *TOKENS,
        TOTAL_TOKENS,
        Column("difference_tokens", "integer", "its tokens less those counted"),
        Column(
            "only_tokens",
            "integer",
            "counted tokens that nothing else tells of; of `counted`: that one source tells of",
        ),
        Column("cost_usd", "money", "US dollars of the counted calls that it tells of"),
        Column("cost_reported_usd", "money", "US dollars as the client reported them there"),
        Column("first_event_at", "instant", "its first sign"),
        Column("last_event_at", "instant", "its last sign"),
    ),
    key=("source_key",),
    default_sort="source",
    scopes=(
        Scope(
            "rows",
            {
                **session_targets("s"),
                "dev": people("s.developer_id"),
                "session": Target(("s.session_id",)),
            },
            Target(("s.session_id", "s.agent_type", "s.developer_id", "d.developer_name")),
            developer="s.developer_id",
            project="s.project_id",
        ),
    ),
    measures={"tokens": Target(("total_tokens",))},
)

TRUST = View(
    name="trust",
    help="How far a total may be believed: what rests on one source, on counters or on no price, and silent sources.",
    columns=(
        Column("trust_key", "text", "always all: one row"),
        Column("developer_count", "integer", "developers with a sign of work"),
        Column("alarm_developer_count", "integer", "of these, developers with a silent source now"),
        Column("stopped_developer_count", "integer", "of these, developers whose telemetry stopped"),
        Column(
            "missing_developer_count", "integer", "of these, developers whose telemetry is silent about some sessions"
        ),
        Column("unread_developer_count", "integer", "of these, developers whose history is not read any more"),
        Column("request_count", "integer", "model calls"),
        TOTAL_TOKENS,
        Column("single_source_tokens", "integer", "tokens that only one source tells of"),
        Column("metric_tokens", "integer", "tokens known from counters alone, without single calls"),
        UNPRICED,
        COST,
        Column("single_source_cost_usd", "money", "US dollars that only one source tells of"),
        Column("metric_cost_usd", "money", "US dollars known from counters alone"),
        Column("priced_cost_usd", "money", "US dollars by the price book, not reported by the client"),
    ),
    key=("trust_key",),
    default_sort="trust_key",
    scopes=(
        Scope(
            "usage",
            usage_targets("u", "usage_date"),
            Target(
                (
                    *(f"u.{name}" for name in ("agent_type", "developer_id", "project_id", "branch", "model_name")),
                    "d.developer_name",
                    "p.project_name",
                )
            ),
            developer="u.developer_id",
            project="u.project_id",
        ),
        Scope("coverage", _days("u"), _DAY_WORDS, developer="u.developer_id"),
    ),
    clocked=True,
)
