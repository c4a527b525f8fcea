"""A recorded team: six developers, forty-odd sessions, commits and a month of usage, the same every time.

Everything hangs on NOW, and random numbers come from one seed, so that snapshots of screens stay equal.
"""

# ruff: noqa: E501  (one row, few lines)
from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

NOW = datetime(2026, 11, 20, 14, 14, 9, tzinfo=UTC)

DEVELOPERS = (
    ("alice@example.com", "Alice Fischer"),
    ("bob@example.com", "Bob Nakamura"),
    ("carol@example.com", "Carol Oyelaran"),
    ("dmitri@example.com", "Dmitri Sokolov"),
    ("erin@example.com", "Erin 木村"),
    ("farid@example.com", "Farid Haddad"),
)
AGENTS = ("claude_code", "claude_code", "claude_code", "codex", "claude_code", "codex")
MODELS = {
    "claude_code": ("claude-sonnet-4-5-20250929", "claude-opus-4-5", "claude-haiku-4-5"),
    "codex": ("gpt-5.6", "gpt-5-codex"),
}
PROJECTS = (
    ("github.com/acme/payments-api", "payments-api", ("feat/refunds", "main", "retry")),
    ("github.com/acme/web", "web", ("main", "checkout-redesign")),
    ("github.com/acme/infra", "infra", ("main", "terraform-1.9")),
)
TOOLS = (("Bash", None), ("Edit", "py"), ("Read", "py"), ("Grep", None), ("Write", "md"), ("Task", None))
SUBJECTS = (
    "refunds: honour the window of the card network",
    "tests for the refund window",
    "retry with jitter, at most five times",
    "checkout: keep the basket when the session expires",
    "terraform: pin the provider",
    "drop the unused feature flag",
    "docs: how to run the migrations",
)
PRICE = {
    "claude-sonnet-4-5-20250929": 1,
    "claude-opus-4-5": 5,
    "claude-haiku-4-5": 0.3,
    "gpt-5.6": 1.4,
    "gpt-5-codex": 1.1,
}

Json = dict[str, Any]


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def money(value: float) -> str:
    return str(Decimal(repr(value)).quantize(Decimal("0.000001")))


def recorded() -> dict[str, list[Json]]:
    """All views' rows."""
    dice = random.Random(20261120)
    sessions: list[Json] = []
    requests: list[Json] = []
    tools: list[Json] = []
    commits: list[Json] = []
    for number in range(44):
        _session(dice, number, sessions, requests, tools, commits)
    usage = _usage(dice)
    developers = [_developer(developer, sessions, commits, usage) for developer in DEVELOPERS]
    return {
        "sessions": sessions,
        "requests": requests,
        "tools": tools,
        "commits": commits,
        "developers": developers,
        "usage": usage,
        "explanations": [_explanation(requests)],
        "coverage": _coverage(),
        "session_sources": [row for session in sessions for row in _sources(session)],
        "trust": [TRUST],
    }


TRUST: Json = {
    "trust_key": "all",
    "developer_count": 6,
    "alarm_developer_count": 2,
    "stopped_developer_count": 1,
    "missing_developer_count": 0,
    "unread_developer_count": 1,
    "total_tokens": 310_000_000,
    "single_source_tokens": 1_240_000,
    "metric_tokens": 0,
    "unpriced_tokens": 1_200_000,
    "cost_usd": "512.25",
}
VERDICTS = (
    "telemetry stopped",
    "sources agree",
    "telemetry has gaps",
    "history not read",
    "one source",
    "counters only",
)
"""What is said of each developer today; on the days before all sources agree."""


def _coverage() -> list[Json]:
    rows = []
    for back in range(8):
        at = NOW - timedelta(days=back)
        day = at.date().isoformat()
        for (developer_id, developer_name), agent, said in zip(DEVELOPERS, AGENTS, VERDICTS, strict=True):
            verdict = said if back == 0 or said in ("one source", "counters only") else "sources agree"
            if at.weekday() >= 5:
                continue
            tokens = 2_400_000 + 100_000 * back
            told = {
                "telemetry stopped": (0, tokens), "telemetry has gaps": (tokens * 8 // 10, tokens), "one source": (0, tokens),
                "history not read": (tokens, 0),
            }.get(verdict, (tokens, tokens))  # fmt: skip
            counters = verdict == "counters only"
            sources = (
                ["metric"]
                if counters
                else ["hook", *(["log"] if told[0] else []), *(["transcript"] if told[1] else [])]
            )
            alarm = verdict if verdict in ("telemetry stopped", "history not read") else None
            rows.append(
                {
                    "coverage_key": f"{day} {developer_id} {agent}", "date": day, "developer_id": developer_id,
                    "developer_name": developer_name, "agent_type": agent, "sources": sources, "session_count": 3,
                    "request_count": 0 if counters else 42, "telemetry_request_count": 42 * told[0] // tokens,
                    "transcript_request_count": 42 * told[1] // tokens, "hook_session_count": 3, "total_tokens": tokens,
                    "log_tokens": 0 if counters else told[0], "span_tokens": 0, "metric_tokens": tokens if counters else 0,
                    "transcript_tokens": 0 if counters else told[1],
                    "single_source_tokens": tokens - min(told) if alarm or counters or verdict == "one source" else 0,
                    "cost_usd": "12.40", "telemetry_cost_usd": "12.40" if told[0] else None,
                    "transcript_cost_usd": "12.40" if told[1] else None, "verdict": verdict, "alarm": alarm,
                    "alarm_since": instant(at - timedelta(hours=3)) if alarm else None,
                    "last_told_at": instant(at - timedelta(days=1)) if alarm else None,
                    "last_told_version": "2.1.33" if alarm else None, "silent_version": "2.1.34" if alarm else None,
                    "silent_session_count": 3 if alarm else 0, "silent_tokens": tokens if alarm else 0,
                    "state": "alarm" if alarm else "quiet",
                }
            )  # fmt: skip
    return rows


def _sources(session: Json) -> list[Json]:
    """Telemetry lacks a twentieth of what the history tells of a session."""
    tokens, calls = session["total_tokens"], session["request_count"]
    told = (
        ("counted", 0, calls, None),
        ("log", tokens // 20, calls - 1, None),
        ("transcript", 0, calls, None),
        ("hook", None, None, 5),
    )
    return [
        {
            "source_key": f"{session['agent_type']} {session['session_id']} {source}", "agent_type": session["agent_type"],
            "session_id": session["session_id"], "source": source, "request_count": requests, "error_count": 0,
            "sign_count": signs, "total_tokens": None if lacks is None else tokens - lacks,
            "difference_tokens": None if lacks is None or source == "counted" else -lacks,
            "only_tokens": tokens // 20 if source in ("counted", "transcript") else 0,
            "cost_usd": session["cost_usd"] if lacks is not None else None, "cost_reported_usd": None,
        }
        for source, lacks, requests, signs in told
    ]  # fmt: skip


def _explanation(requests: list[Json]) -> Json:
    """What an engine says of Alice's cost."""
    calls = [
        {**request, "cost_usd": "0.25", "cost_basis": "priced", "cache_write_tokens": 0} for request in requests[:2]
    ]
    price = {
        "model_id": "claude-opus-4-5",
        "speed": "standard",
        "valid_from": "2026-03-01T00:00:00Z",
        "tier_above_input_tokens": 200_000,
        "input_usd_per_mtok": "5",
        "cache_read_usd_per_mtok": "0.5",
        "cache_write_5m_usd_per_mtok": "6.25",
        "cache_write_1h_usd_per_mtok": None,
        "output_usd_per_mtok": "25",
        "price_source": "genai-prices",
    }
    return {
        "view": "costs",
        "row": DEVELOPERS[0][0],
        "column": "cost_usd",
        "value": "0.50",
        "definition": "US dollars; reported by the client where it knows the model, else priced",
        "sql": "select sum(u.cost_usd)\nfrom mart.fct_daily_usage as u",
        "account": {
            "of": "model calls",
            "total": 12,
            "measure": "sum(cost_usd)",
            "sum": "0.50",
            "adds_up": True,
            "rows": calls,
        },
        "reason": None,
        "prices": [price],
        "as_of": "2026-11-20T14:14:09Z",
        "batch_id": 7,
    }


def _session(dice: random.Random, number: int, sessions: list[Json], requests: list[Json], tools: list[Json], commits: list[Json]) -> None:  # fmt: skip
    who = number % 6
    developer_id, developer_name = DEVELOPERS[who]
    agent = AGENTS[who]
    project_id, project_name, branches = PROJECTS[dice.randrange(3)]
    branch = dice.choice(branches)
    model = dice.choice(MODELS[agent])
    minutes = dice.randrange(3, 110)
    if number < 4:
        state, start = "live", NOW - timedelta(minutes=(12, 41, 7, 3)[number])
        last = NOW - timedelta(seconds=dice.randrange(2, 90))
    elif number < 6:
        state, last = "idle", NOW - timedelta(minutes=dice.randrange(3, 14))
        start = last - timedelta(minutes=minutes)
    else:
        state = "ended"
        last = NOW - timedelta(hours=(number - 5) ** 1.75 / 3.2, minutes=20)
        start = last - timedelta(minutes=minutes)
    session_id = f"{dice.getrandbits(32):08x}-{dice.getrandbits(16):04x}-4{dice.getrandbits(12):03x}-9{dice.getrandbits(12):03x}-{dice.getrandbits(48):012x}"
    length = max(60.0, (last - start).total_seconds())
    own_requests, own_tools = [], []
    calls = dice.randrange(6, 30)
    unpriced = number == 9
    for index in range(calls):
        at = start + timedelta(seconds=length * (index + 1) / (calls + 1))
        own_requests.append(_request(dice, session_id, agent, developer_id, model, at, index, unpriced))
        if dice.random() < 0.8:
            own_tools.append(_tool(dice, session_id, agent, developer_id, at + timedelta(seconds=5), index))
    own_commits = [
        _commit(dice, session_id, agent, DEVELOPERS[who], (project_id, project_name, branch), start, length)
        for _ in range(dice.choice((0, 0, 1, 2, 3)))
    ]
    priced = [Decimal(row["cost_usd"]) for row in own_requests if row["cost_usd"] is not None]
    total = {name: sum(row[name] for row in own_requests) for name in ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "total_tokens")}  # fmt: skip
    trend = [0] * 12
    for row in own_requests:
        age = (NOW - datetime.fromisoformat(row["ts"])).total_seconds()
        if 0 <= age < 3600:
            trend[11 - int(age // 300)] += row["total_tokens"]
    sessions.append(
        {
            "session_id": session_id, "agent_type": agent, "developer_id": developer_id, "developer_name": developer_name,
            "project_id": project_id, "project_name": project_name, "branch": branch,
            "agent_version": "2.1.34" if agent == "claude_code" else "0.63.0", "state": state, "activity": None,
            "session_start": instant(start), "session_end": instant(last), "last_event_at": instant(last),
            "duration_seconds": length, "active_seconds": length * 0.7, "models": [model], "request_count": calls,
            "tool_call_count": len(own_tools), "tool_error_count": sum(row["success"] is False for row in own_tools),
            "error_count": sum(row["success"] is False for row in own_requests), "prompt_count": max(1, calls // 5),
            "commit_count": len(own_commits), "lines_added": sum(row["lines_added"] for row in own_commits),
            "lines_deleted": sum(row["lines_deleted"] for row in own_commits), **total,
            "unpriced_tokens": total["total_tokens"] if unpriced else 0,
            "cost_usd": str(sum(priced)) if priced else None, "cost_basis": "unpriced" if unpriced else "reported",
            "tokens_trend": trend,
        }
    )  # fmt: skip
    requests += own_requests
    tools += own_tools
    commits += own_commits


def _request(dice: random.Random, session: str, agent: str, developer: str, model: str, at: datetime, index: int, unpriced: bool) -> Json:  # fmt: skip
    fresh, cached = dice.randrange(200, 9000), dice.randrange(20_000, 160_000)
    written, out = dice.randrange(0, 6000), dice.randrange(80, 3200)
    failed = dice.random() < 0.04
    cost = (fresh * 3 + cached * 0.3 + written * 3.75 + out * 15) / 1e6 * PRICE[model]
    return {
        "request_key": f"{session[:8]}-r{index:03d}", "session_id": session, "agent_type": agent, "developer_id": developer,
        "ts": instant(at), "model_name": "glm-4.7" if unpriced else model, "model_id": None if unpriced else model,
        "query_source": "subagent" if dice.random() < 0.1 else "main", "input_tokens": fresh, "cache_read_tokens": cached,
        "cache_write_tokens": written, "output_tokens": out, "reasoning_tokens": None, "total_tokens": fresh + cached + written + out,
        "duration_ms": dice.randrange(900, 16_000), "success": not failed, "error_code": "529" if failed else None,
        "cost_usd": None if unpriced else money(cost), "cost_basis": "unpriced" if unpriced else "reported",
        "cost_reported_usd": None if unpriced else money(cost), "cost_priced_usd": None if unpriced else money(cost),
        "sources": ["otel_log", "transcript"],
    }  # fmt: skip


def _tool(dice: random.Random, session: str, agent: str, developer: str, at: datetime, index: int) -> Json:
    name, extension = TOOLS[min(5, int(dice.expovariate(0.6)))]
    failed = dice.random() < 0.08
    denied = failed and dice.random() < 0.3
    return {
        "tool_call_key": f"{session[:8]}-t{index:03d}", "session_id": session, "agent_type": agent, "developer_id": developer,
        "ts": instant(at), "tool_name": name, "duration_ms": dice.randrange(20, 30_000), "success": not failed,
        "error_type": None if not failed or denied else "exit 1", "decision": "reject" if denied else "accept",
        "file_extension": extension, "is_git_commit": False, "commit_sha": None, "is_subagent": False,
    }  # fmt: skip


def _commit(dice: random.Random, session: str, agent: str, developer: tuple[str, str], place: tuple[str, str, str], start: datetime, length: float) -> Json:  # fmt: skip
    at = start + timedelta(seconds=length * dice.random())
    method, confidence, attribution = dice.choice(
        (
            ("hook_session", "0.9900", "assisted"),
            ("commit_tool_call", "0.9000", "assisted"),
            ("time_window", "0.4500", "possible"),
        )
    )
    project_id, project_name, branch = place
    return {
        "commit_hash": f"{dice.getrandbits(160):040x}", "project_id": project_id, "project_name": project_name,
        "author_name": developer[1], "author_email": developer[0], "developer_id": developer[0], "developer_name": developer[1],
        "commit_timestamp": instant(at), "commit_subject": dice.choice(SUBJECTS), "branch": branch, "is_merge": False,
        "files_changed": dice.randrange(1, 9), "lines_added": dice.randrange(1, 260), "lines_deleted": dice.randrange(0, 90),
        "attribution": attribution, "confidence": confidence, "method": method, "agent_type": agent, "agent_session_id": session,
        "cost_usd": money(dice.random() * 2), "links": [{"agent_type": agent, "session_id": session, "confidence": confidence, "method": method}],
    }  # fmt: skip


def _usage(dice: random.Random) -> list[Json]:
    rows = []
    for back in range(29, -1, -1):
        day = (NOW - timedelta(days=back)).date()
        quiet = day.weekday() >= 5
        for who, (developer_id, developer_name) in enumerate(DEVELOPERS):
            if dice.random() < (0.85 if quiet else 0.1):
                continue
            agent = AGENTS[who]
            for model in MODELS[agent]:
                project_id, project_name, branches = PROJECTS[dice.randrange(3)]
                tokens = dice.randrange(200_000, 4_000_000)
                rows.append(
                    {
                        "date": day.isoformat(), "developer_id": developer_id, "developer_name": developer_name, "agent_type": agent,
                        "model_name": model, "project_id": project_id, "project_name": project_name, "branch": dice.choice(branches),
                        "session_count": dice.randrange(1, 4), "request_count": dice.randrange(8, 90), "input_tokens": tokens // 20,
                        "cache_read_tokens": tokens * 8 // 10, "cache_write_tokens": tokens // 10, "output_tokens": tokens // 20,
                        "total_tokens": tokens // 20 * 2 + tokens * 8 // 10 + tokens // 10, "unpriced_tokens": 0,
                        "cost_usd": money(tokens / 1e6 * 1.2 * PRICE[model]),
                    }
                )  # fmt: skip
        if back % 11 == 5:
            rows.append(
                {
                    "date": day.isoformat(), "developer_id": DEVELOPERS[5][0], "developer_name": DEVELOPERS[5][1], "agent_type": "codex",
                    "model_name": "glm-4.7", "project_id": None, "project_name": None, "branch": None, "session_count": 1,
                    "request_count": 12, "input_tokens": 300_000, "cache_read_tokens": 0, "cache_write_tokens": 0,
                    "output_tokens": 100_000, "total_tokens": 400_000, "unpriced_tokens": 400_000, "cost_usd": None,
                }
            )  # fmt: skip
    return rows


def _developer(developer: tuple[str, str], sessions: list[Json], commits: list[Json], usage: list[Json]) -> Json:
    developer_id, developer_name = developer
    own = [row for row in sessions if row["developer_id"] == developer_id]
    made = [row for row in commits if row["developer_id"] == developer_id]
    used = [row for row in usage if row["developer_id"] == developer_id]
    cost = sum((Decimal(row["cost_usd"]) for row in used if row["cost_usd"]), Decimal(0))
    return {
        "developer_id": developer_id, "developer_name": developer_name, "developer_email": developer_id,
        "agents": sorted({row["agent_type"] for row in own}), "session_count": len(own),
        "live_session_count": sum(row["state"] == "live" for row in own), "request_count": sum(row["request_count"] for row in used),
        "active_seconds": sum(row["active_seconds"] for row in own), "total_tokens": sum(row["total_tokens"] for row in used),
        "unpriced_tokens": sum(row["unpriced_tokens"] for row in used), "cost_usd": str(cost), "commit_count": len(made),
        "assisted_commit_count": sum(row["attribution"] == "assisted" for row in made),
        "lines_added": sum(row["lines_added"] for row in made),
        "cost_per_commit_usd": str((cost / len(made)).quantize(Decimal("0.01"))) if made else None,
        "last_seen_at": max(row["last_event_at"] for row in own),
    }  # fmt: skip
