"""Kept up to date by touched keys, the models equal a full build of the same raw rows, row for row."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.modelrunner.live import LiveLoop, Refresh
from engine.store.rows import RawRows
from tests.models.raw import NOON, PROJECT, at, commit, context, counter, evidence, line, log, request, rows
from tests.models.workbench import FILE_NAME, Workbench, merged, project


def identity(developer_id: str, value: str, removed: bool = False) -> RawRows:
    return rows(
        "developer_identities", developer_id=developer_id, kind="email", value=value, source="alias", removed=removed
    )


COPILOT = {
    "agent_type": "github_copilot",
    "metric_name": "gen_ai.client.inference.usage.output_tokens",
    "temporality": "cumulative",
}
CODEX = {"agent_type": "codex", "metric_name": "codex.turn.token_usage", "kind": "histogram"}


def a_teams_day() -> list[RawRows]:
    """Everything that may influence something else: forks, late telemetry, aliases, shared ids, abbreviated hashes."""
    told: list[RawRows] = []
    for number, (who, model) in enumerate(
        [("alice@acme.dev", "claude-opus-4-8"), ("bob@acme.dev", "corp-opus"), ("alice@acme.dev", "claude-haiku-4-5")]
    ):
        session = {"session_id": f"s{number}", "developer_id": who}
        begin = number * 1500
        told += [
            context(begin, event="start", **session),
            log("user_prompt", begin + 1, **session),
            *(request(begin + 10 * i, model=model, request_id=f"r{number}{i}", **session) for i in range(4)),
            *(
                line(begin + 10 * i, model=model, request_id=f"r{number}{i}", message_id=f"m{number}{i}", **session)
                for i in range(1, 5)
            ),
            *(request(begin + 300 + i, model=model, **session) for i in range(3)),
            *(line(begin + 300.2 + i, model=model, **session) for i in range(3)),
            counter("input", 99, begin, **session),
            log("tool_result", begin + 50, tool_name="Edit", tool_use_id=f"t{number}", success=True, **session),
            log("tool_result", begin + 60, tool_name="Bash", is_git_commit=True, success=True, **session),
            commit(f"{number}a", begin + 61, author_email=who),
            commit(f"{number}b", begin + 500, author_email=who, lines_added=3),
            commit(f"{number}c", begin + 90_000, author_email=who),
        ]
    told += [
        # s9 is a fork of s0, with some of its history and one request of its own.
        *(line(10 * i, session_id="s9", request_id=f"r0{i}", message_id=f"m0{i}", sequence=i) for i in range(1, 4)),
        line(700, session_id="s9", request_id="r99", message_id="m99"),
        # Sub-agents with histories of their own: of s0, whose telemetry tells of one of its calls, and of the fork.
        *(line(120 + i, session_id="c0", message_id=f"c0{i}", is_sidechain=True, input_tokens=7 + i) for i in range(3)),
        request(120, session_id="s0", input_tokens=7, query_source="subagent"),
        rows(
            "transcript_tool_calls",
            timestamp=at(122),
            agent_type="claude_code",
            session_id="c0",
            tool_name="Bash",
            tool_use_id="tc0",
            success=True,
        ),
        context(119, session_id="c0", event="parent", parent_session_id="s0"),
        context(710, session_id="c9", event="parent", parent_session_id="s9"),
        line(711, session_id="c9", message_id="c9", is_sidechain=True),
        # A second sub-agent of s0, one that it started, and what telemetry tells of either under their own ids.
        context(130, session_id="c1", event="parent", parent_session_id="s0"),
        context(131, session_id="g1", event="parent", parent_session_id="c1"),
        request(132, session_id="c1", request_id="rc1"),
        line(133, session_id="g1", message_id="g1", is_sidechain=True),
        request(134, session_id="g1", request_id="rg1"),
        log("tool_result", 135, session_id="g1", tool_name="Bash", tool_use_id="tg1"),
        log("tool_decision", 134, session_id="g1", tool_name="Bash", tool_use_id="tg1", decision="accept"),
        commit("5b", 136, agent_session_id="g1", agent_type="claude_code"),
        evidence("2b" + "0" * 38, "telemetry_sha", agent_type="claude_code", session_id="c0"),
        # Telemetry that names no session, told again by a transcript that does.
        request(30, session_id=None, request_id="x1"),
        request(40, session_id=None, request_id="x2"),
        line(30, session_id="s1", request_id="x1", message_id="mx1"),
        counter("input", 500, 40, session_id="only-counted"),
        counter("output", 50, 40, session_id="only-counted"),
        counter("input", 70, 40, session_id=None),
        log("tool_result", 2000, tool_name="Bash", is_git_commit=True, commit_sha="2c00000", session_id="s2"),
        # Counters that never name a session: running totals across midnight, and some that a history makes superfluous.
        *(counter(None, 100.0 * number, 43_000 + 400 * number, session_id=None, **COPILOT) for number in (1, 2, 3, 4)),
        counter("input", 80, 100, session_id=None, **CODEX),
        counter("input", 90, 100_000, session_id=None, **CODEX),
        line(90, session_id="codex-1", agent_type="codex", model="gpt-5.1-codex"),
        evidence("0c" + "0" * 38, "hook_environment", agent_type="claude_code", session_id="s0"),
        evidence("1c0000000", "telemetry_sha", agent_type="claude_code", session_id="s1"),
        evidence("1b" + "0" * 38, "agent_trailer", agent_type="claude_code"),
        # One commit amended and then rebased, told in any order.
        commit("3e", 60_000),
        commit("4e", 61_000),
        evidence("3e" + "0" * 38, "rewritten_from", value="0c" + "0" * 38),
        evidence("4e" + "0" * 38, "rewritten_from", value="3e" + "0" * 38),
        commit("dd", 100, author_email="carol@acme.dev"),
        request(80_000, session_id="s7", developer_id="carol@acme.dev"),
        identity("bobby", "bob@acme.dev"),
        identity("carol", "carol@acme.dev"),
        commit("0b", 500, author_email="alice@acme.dev", lines_added=3, branch="later", source="backfill"),
        rows("repositories", project_id=PROJECT, project_name="web", watched=True),
        request(43_300, session_id="s0", cost_usd=Decimal("0.25")),
        context(43_000, session_id="s0", branch="night"),
        log("api_error", 900, status_code=529, session_id="s0"),
    ]
    return told


def rebuilt(bench: Workbench, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What a full build makes of the same raw rows, in a copy of the file."""
    folder.mkdir()
    bench.database.cursor().execute("checkpoint")
    shutil.copyfile(bench.path, folder / FILE_NAME)
    copy = Workbench(folder, **bench.variables)
    try:
        loop = LiveLoop(project(json.dumps(bench.variables)), copy.database.cursor)
        loop.rebuild()
        loop.close()
        return copy.snapshot()
    finally:
        copy.close()


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_batches_ends_as_a_full_build(
    open_bench: Callable[..., Workbench], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    told = a_teams_day()
    chance.shuffle(told)
    bench = open_bench()
    loop = LiveLoop(project("{}"), bench.database.cursor)
    loop.start()
    checks = 0
    while told:
        size = chance.choice([1, 2, 3, 5, 8, 13])
        batch, told = told[:size], told[size:]
        bench.take(merged(batch))
        if chance.random() < 0.3:
            bench.take_names()
        refresh = loop.refresh()
        assert refresh is not None
        if chance.random() < 0.05 or not told:
            if not told:
                bench.take_names()
                loop.refresh()
            checks += 1
            kept, full = bench.snapshot(), rebuilt(bench, tmp_path / f"full{checks}")
            different = [name for name in full if kept[name] != full[name]]
            for name in different[:1]:
                assert kept[name] == full[name], name
            assert not different
    loop.close()


def test_sessions_resumed_and_told_of_late_end_as_a_full_build(
    open_bench: Callable[..., Workbench], tmp_path: Path
) -> None:
    """Refreshes read only the times between which the rows of touched sessions lie: here these jump by months."""
    day = 86_400
    bench = open_bench()
    loop = LiveLoop(project("{}"), bench.database.cursor)
    loop.start()
    tool = {"tool_name": "Bash", "is_git_commit": True, "success": True}
    for told in (
        [request(0, request_id="a"), log("tool_result", 5, **tool), commit("a1", 6)],
        [request(40 * day, session_id="s2"), line(40 * day, session_id="s2")],
        [request(300 * day, request_id="b")],
        [counter("input", 7, -200 * day), log("tool_result", -200 * day, **tool), context(-201 * day, branch="old")],
        [commit("b2", -200 * day + 4), request(40 * day + 1, session_id=None, request_id="c")],
        [line(150 * day, request_id="c", message_id="c"), line(0, request_id="a", message_id="a")],
        [line(301 * day, session_id="s3", request_id="c", message_id="c"), log("user_prompt", 302 * day)],
        [request(299 * day, session_id="s2"), evidence("a1" + "0" * 38, "telemetry_sha", session_id="s2")],
    ):
        refreshed(bench, loop, *told)
    loop.close()
    kept, full = bench.snapshot(), rebuilt(bench, tmp_path / "full")
    for name in full:
        assert kept[name] == full[name], name


def test_new_tool_calls_leave_requests_alone(bench: Workbench) -> None:
    loop = LiveLoop(project("{}"), bench.database.cursor)
    loop.start()
    refreshed(bench, loop, request(0), log("tool_result", 1, tool_name="Edit", tool_use_id="t1", success=True))
    told = refreshed(bench, loop, log("tool_result", 2, tool_name="Edit", tool_use_id="t2", success=True))
    models = {name.rsplit(".", 1)[1] for name in told.models}
    assert {"stg_agent_tool_calls", "fct_tool_usage", "fct_sessions"} <= models
    assert models.isdisjoint({"stg_request_observations", "stg_api_requests", "fct_daily_usage", "fct_commit_costs"})
    assert bench.row("select tool_call_count, request_count from mart.fct_sessions") == (2, 1)
    loop.close()


def refreshed(bench: Workbench, loop: LiveLoop, *told: RawRows) -> Refresh:
    bench.take(merged(told))
    refresh = loop.refresh()
    assert refresh is not None
    return refresh


def test_a_refresh_tells_what_it_touched(bench: Workbench) -> None:
    loop = LiveLoop(project("{}"), bench.database.cursor)
    loop.start()
    refreshed(bench, loop, context(0), request(0), request(0, session_id="other"))
    told = refreshed(bench, loop, commit("a1", 30))
    assert told.touched["commit"] == ("a1".ljust(40, "0"),)
    assert told.touched["session"] == ("s1",)
    assert told.touched["day"] == ("2026-11-20",)
    # The day of the request before the commit is found again by the ledger only, not by staging.
    assert not any(name.endswith("stg_api_requests") for name in told.models)
    loop.close()


def test_a_file_of_old_prices_is_priced_anew_when_a_price_changes(bench: Workbench) -> None:
    loop = LiveLoop(project("{}"), bench.database.cursor)
    loop.start()
    refreshed(bench, loop, request(0, model="corp-opus"))
    assert bench.row("select cost_usd from mart.fct_sessions") == (None,)
    name = rows("model_names", model_name="corp-opus", agent_type="claude_code", provider="corp", model_id="opus")
    refreshed(bench, loop, name)
    assert bench.row("select cost_usd from mart.fct_sessions") == (None,)
    price = rows(
        "model_prices",
        received_at=NOON + timedelta(days=9),
        provider="corp",
        model_id="opus",
        speed="standard",
        valid_from=at(-1),
        tier_above_input_tokens=0,
        input_usd_per_mtok=Decimal(1),
        output_usd_per_mtok=Decimal(1),
        price_source="prices.yaml 1",
        priority=1,
    )
    refreshed(bench, loop, price)
    assert bench.row("select cost_usd from mart.fct_sessions") == (Decimal("0.0011"),)
    loop.close()
