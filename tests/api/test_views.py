"""What each view answers: columns and their kinds, filters, groups, times and the clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.api.stream import Broadcaster
from engine.api.views import VIEWS, View
from engine.clock import FixedClock
from engine.filters.fields import BY_NAME
from tests.api.conftest import Api, serve
from tests.api.workspace import ALICE, BOB, CAROL, DAVE, NOW, PAYMENTS, WEB, Rows, Workspace, team

PROMISED = {
    "sessions": "session_id agent_type developer_id project_id state session_start session_end duration_seconds models "
    "request_count tool_call_count error_count commit_count input_tokens cache_read_tokens cache_write_tokens "
    "output_tokens total_tokens cost_usd cost_basis unpriced_tokens developer_name project_name branch agent_version "
    "prompt_count tool_error_count subagent_request_count lines_added lines_deleted last_event_at activity "
    "tokens_trend",
    "requests": "request_key session_id agent_type developer_id ts model_name model_id query_source input_tokens "
    "cache_read_tokens cache_write_tokens output_tokens reasoning_tokens total_tokens duration_ms success error_code "
    "cost_usd cost_basis cost_reported_usd cost_priced_usd sources",
    "reconciliation": "date vendor reported_usd priced_usd billed_usd covered_usd metered_usd paid_usd difference_usd "
    "cause billed_difference_usd billed_cause request_count unpriced_tokens",
    "coverage": "date developer_id agent_type sources request_count total_tokens cost_usd verdict alarm state",
    "session_sources": "agent_type session_id source request_count total_tokens difference_tokens only_tokens cost_usd",
    "trust": "developer_count alarm_developer_count total_tokens single_source_tokens metric_tokens unpriced_tokens",
    "tools": "tool_call_key session_id agent_type developer_id project_id ts usage_date tool_name tool_use_id "
    "duration_ms success error_type decision file_extension is_git_commit commit_sha is_subagent",
    "commits": "commit_hash project_id author_email commit_timestamp lines_added lines_deleted attribution confidence "
    "method agent_type agent_session_id cost_usd commit_subject author_name developer_id developer_name project_name "
    "branch files_changed links",
    "costs": "key key_name request_count session_count input_tokens cache_read_tokens cache_write_tokens output_tokens "
    "total_tokens cost_usd cost_reported_usd cost_priced_usd unpriced_tokens share previous_cost_usd "
    "covered_usd paid_usd",
    "developers": "developer_id developer_name developer_email agents session_count live_session_count request_count "
    "active_seconds total_tokens cost_usd unpriced_tokens commit_count assisted_commit_count lines_added "
    "cost_per_commit_usd last_seen_at",
    "agents": "agent_type agent_display_name vendor interface_type session_count cost_usd",
    "projects": "project_id project_name remote_url session_count commit_count cost_usd",
    "models": "model model_id model_names request_count total_tokens cost_usd unpriced_tokens",
}
SHAPES: dict[str, Any] = {
    "text": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "money": lambda value: isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value),
    "instant": lambda value: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value),
    "day": lambda value: re.fullmatch(r"\d{4}-\d\d-\d\d", value),
    "boolean": lambda value: isinstance(value, bool),
    "texts": lambda value: all(isinstance(item, str) for item in value),
    "integers": lambda value: all(isinstance(item, int) for item in value),
    "links": lambda value: all(set(item) == {"agent_type", "session_id", "confidence", "method"} for item in value),
}


def ids(rows: list[dict[str, Any]], column: str) -> set[Any]:
    return {row[column] for row in rows}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
class TestEveryView:
    def test_rows_have_the_declared_columns_in_order(self, asked: Api, view: View) -> None:
        row = asked.rows(view.name)[0]
        assert list(row) == [column.name for column in view.shown]
        assert set(PROMISED[view.name].split()) <= set(row)

    def test_values_are_of_their_kind(self, asked: Api, view: View) -> None:
        for row in asked.rows(view.name):
            for column in view.shown:
                value = row[column.name]
                assert value is None or SHAPES[column.kind](value), (column.name, value)

    def test_the_metadata(self, asked: Api, view: View) -> None:
        body = asked.get(f"/api/v1/{view.name}").json()
        metadata = body["metadata"]
        assert metadata["total"] == len(body["data"])
        assert metadata["next_cursor"] is None
        assert metadata["as_of"].endswith("Z")
        assert metadata["query_ms"] >= 0
        assert metadata["event_count"] == 20

    def test_every_sortable_column_sorts_with_the_unknown_last(self, asked: Api, view: View) -> None:
        for number, name in enumerate(view.sortable):
            descending = number % 2 == 1
            rows = asked.rows(view.name, sort=f"-{name}" if descending else name)
            values = [row[name] for row in rows]
            known = [value for value in values if value is not None]
            column = view.column(name)
            assert column is not None
            if column.kind == "money":
                known = [Decimal(value) for value in known]
            assert values[len(known) :] == [None] * (len(values) - len(known))
            if column.sorted_by is None:
                assert known == sorted(known, reverse=descending), name

    def test_every_field_it_claims_can_be_asked(self, asked: Api, view: View) -> None:
        for name in view.fields:
            asked.rows(view.name, filter=BY_NAME[name].example)
        negated = (f"-{BY_NAME[name].example}" for name in view.fields if BY_NAME[name].kind != "time")
        asked.rows(view.name, filter=" ".join(negated))

    def test_a_free_word_can_be_asked(self, asked: Api, view: View) -> None:
        assert asked.rows(view.name, filter="no-such-thing-anywhere") == []

    def test_nothing_matches_is_not_an_error(self, asked: Api, view: View) -> None:
        response = asked.get(f"/api/v1/{view.name}", filter="since:2999-01-01")
        assert response.status_code == 200
        assert (response.json()["data"], response.json()["metadata"]["total"]) == ([], 0)
        assert response.json()["metadata"]["event_count"] > 0


class TestSessions:
    def test_states_follow_the_clock(self, asked: Api) -> None:
        assert {row["session_id"]: row["state"] for row in asked.rows("sessions")} == {
            "s-live": "live",
            "s-idle": "idle",
            "s-night": "ended",
            "s-unpriced": "ended",
        }

    def test_a_session_falls_idle_and_ends_without_any_event(self, fresh: Api) -> None:
        fresh.workspace.write(Rows().request("s", ALICE, "11:59").raw)
        seen = []
        for minutes in (0, 2, 14, 20):
            fresh.clock.instant = NOW + timedelta(minutes=minutes)
            seen.append(fresh.rows("sessions")[0]["state"])
        assert seen == ["live", "idle", "idle", "ended"]

    def test_a_session_that_goes_on_after_its_end_is_live_again(self, fresh: Api) -> None:
        rows = Rows().context("s", "11:00", "start", WEB, "main").context("s", "11:30", "end", WEB, "main")
        fresh.workspace.write(rows.request("s", ALICE, "11:10").raw)
        assert fresh.rows("sessions")[0]["state"] == "ended"
        fresh.workspace.write(Rows().request("s", ALICE, "11:59").raw)
        assert fresh.rows("sessions")[0]["state"] == "live"

    def test_numbers_of_a_session(self, asked: Api) -> None:
        (row,) = asked.rows("sessions", filter="session:s-live")
        numbers = {name: row[name] for name in ("request_count", "error_count", "tool_call_count", "tool_error_count")}
        assert numbers == {"request_count": 4, "error_count": 1, "tool_call_count": 2, "tool_error_count": 1}
        assert (row["cost_usd"], row["cost_basis"], row["total_tokens"]) == ("0.6", "reported", 25300)
        assert (row["subagent_request_count"], row["commit_count"], row["lines_added"]) == (1, 1, 120)
        assert (row["project_name"], row["branch"], row["developer_name"]) == ("web", "main", "Alice")

    def test_the_trend_has_a_step_per_five_minutes_oldest_first(self, asked: Api) -> None:
        (row,) = asked.rows("sessions", filter="session:s-live")
        assert row["tokens_trend"] == [0] * 9 + [6200, 19100, 0]

    def test_unknown_cost_is_null_and_counted(self, asked: Api) -> None:
        (row,) = asked.rows("sessions", filter="session:s-unpriced")
        assert (row["cost_usd"], row["cost_basis"], row["unpriced_tokens"]) == (None, "unpriced", 1000)

    @pytest.mark.parametrize(
        ("filter", "found"),
        [
            ("dev:alice", {"s-live", "s-night"}),
            ("dev:bob@example.org", {"s-idle"}),
            ("-dev:alice", {"s-idle", "s-unpriced"}),
            ("agent:claude_code,codex", {"s-live", "s-idle", "s-night", "s-unpriced"}),
            ("agent:codex", {"s-idle"}),
            ("model:opus*", {"s-live", "s-night"}),
            ("model:gpt*", {"s-idle"}),
            ("project:web", {"s-live", "s-night"}),
            ("project:acme/payments-api", {"s-idle"}),
            (f"repo:{PAYMENTS}", {"s-idle"}),
            ("project:none", {"s-unpriced"}),
            ("branch:feat/*", {"s-idle", "s-night"}),
            ("state:live,idle", {"s-live", "s-idle"}),
            ("-state:ended", {"s-live", "s-idle"}),
            ("tool:bash", {"s-live"}),
            ("sha:aaaa1111", {"s-live"}),
            ("cost>=1", {"s-night"}),
            ("cost:none", {"s-unpriced"}),
            ("tokens>20k", {"s-live"}),
            ("cache:0", {"s-idle", "s-unpriced"}),
            ("dur>1h", {"s-night"}),
            ("age<15m", {"s-live"}),
            ("commits>0 lines>100", {"s-live"}),
            ("err>1", {"s-live"}),
            ("refunds", {"s-idle"}),
            ("glm", {"s-unpriced"}),
            ("since:1h", {"s-live", "s-idle"}),
            ("since:2026-11-04 until:2026-11-04", {"s-night"}),
            ("since:2026-11-05T00:00Z until:2026-11-05T01:00Z", {"s-night"}),
            ("until:2026-11-01", {"s-unpriced"}),
            ("since:7d", {"s-live", "s-idle", "s-night", "s-unpriced"}),
            ("since:6d", {"s-live", "s-idle", "s-night"}),
        ],
    )
    def test_filters(self, asked: Api, filter: str, found: set[str]) -> None:
        assert ids(asked.rows("sessions", filter=filter), "session_id") == found

    def test_since_and_until_as_parameters(self, asked: Api) -> None:
        rows = asked.rows("sessions", since="2026-11-04", until="2026-11-04")
        assert ids(rows, "session_id") == {"s-night"}

    def test_states_sort_by_liveliness(self, asked: Api) -> None:
        rows = asked.rows("sessions", sort="state,-cost_usd")
        assert [row["session_id"] for row in rows] == ["s-live", "s-idle", "s-night", "s-unpriced"]


class TestRequestsAndTools:
    def test_requests_of_a_session(self, asked: Api) -> None:
        rows = asked.rows("requests", filter="session:s-live", sort="ts")
        assert [row["success"] for row in rows] == [True, True, False, True]
        assert [row["query_source"] for row in rows] == ["main", "subagent", "main", "main"]
        assert (rows[0]["cost_usd"], rows[0]["cost_basis"], rows[0]["cost_reported_usd"]) == ("0.1", "reported", "0.1")
        assert rows[0]["cost_priced_usd"] == "0.0125"
        assert rows[2]["error_code"] == "529"

    @pytest.mark.parametrize(
        ("filter", "count"),
        [
            ("kind:subagent", 1),
            ("err>0", 1),
            ("model:gpt*", 1),
            ("model:none", 0),
            ("dur>1s", 8),
            ("cost>0.25", 3),
            ("since:15m", 5),
            ("age>1d", 1),
            ("until:2026-11-04", 2),
            ("529", 1),
        ],
    )
    def test_filters_on_requests(self, asked: Api, filter: str, count: int) -> None:
        assert len(asked.rows("requests", filter=filter)) == count

    @pytest.mark.parametrize(
        ("filter", "names"),
        [
            ("session:s-live", {"Bash", "Edit"}),
            ("tool:Bash", {"Bash"}),
            ("err>0", {"Edit"}),
            ("agent:codex", {"shell"}),
            ("dur:2s", {"Bash", "Edit", "shell"}),
            ("project:web", {"Bash", "Edit"}),
        ],
    )
    def test_filters_on_tools(self, asked: Api, filter: str, names: set[str]) -> None:
        assert ids(asked.rows("tools", filter=filter), "tool_name") == names


class TestCommits:
    def test_attribution_with_its_evidence(self, asked: Api) -> None:
        rows = {row["commit_hash"][:4]: row for row in asked.rows("commits")}
        assert {sha: row["attribution"] for sha, row in rows.items()} == {
            "aaaa": "assisted",
            "bbbb": "possible",
            "cccc": "none",
            "dddd": "unknown",
        }
        assert (rows["aaaa"]["confidence"], rows["aaaa"]["method"]) == (0.99, "hook_environment")
        assert rows["aaaa"]["links"] == [
            {"agent_type": "claude_code", "session_id": "s-live", "confidence": 0.99, "method": "hook_environment"}
        ]
        assert rows["dddd"]["links"] == []
        assert rows["aaaa"]["cost_usd"] == "0.594"

    @pytest.mark.parametrize(
        ("filter", "found"),
        [
            ("assisted:yes", {"aaaa"}),
            ("link:possible", {"bbbb"}),
            ("ai:no", {"cccc"}),
            ("assisted:unknown", {"dddd"}),
            ("-assisted:yes", {"bbbb", "cccc", "dddd"}),
            ("session:s-live", {"aaaa"}),
            ("sha:bbbb2", {"bbbb"}),
            ("dev:dave", {"dddd"}),
            ("project:web lines<10", {"cccc", "dddd"}),
            ("agent:claude", {"aaaa"}),
            ("jitter", {"bbbb"}),
            ('"refund window"', {"aaaa"}),
            ("since:3d", {"aaaa", "bbbb", "dddd"}),
            ("until:2026-11-01", {"cccc"}),
            ("cost>0.1", {"aaaa"}),
        ],
    )
    def test_filters(self, asked: Api, filter: str, found: set[str]) -> None:
        assert {row["commit_hash"][:4] for row in asked.rows("commits", filter=filter)} == found


class TestCosts:
    def test_days_are_days_of_the_events(self, asked: Api) -> None:
        rows = {row["key"]: row for row in asked.rows("costs", by="day")}
        assert {key: row["cost_usd"] for key, row in rows.items()} == {
            "2026-11-05": "2.6225",
            "2026-11-04": "1",
            "2026-10-30": None,
        }
        assert rows["2026-11-05"]["session_count"] == 3
        assert rows["2026-10-30"]["unpriced_tokens"] == 1000

    @pytest.mark.parametrize(
        ("by", "keys"),
        [
            ("developer", {ALICE, BOB, CAROL}),
            ("agent", {"claude_code", "codex"}),
            ("model", {"claude-opus-4-5", "gpt-5.6", "glm-4.7"}),
            ("project", {WEB, PAYMENTS, None}),
            ("branch", {"main", "feat/refunds", "feat/night", None}),
        ],
    )
    def test_groups(self, asked: Api, by: str, keys: set[str | None]) -> None:
        rows = asked.rows("costs", by=by)
        assert ids(rows, "key") == keys
        assert sum(Decimal(row["cost_usd"] or 0) for row in rows) == Decimal("3.6225")

    def test_groups_have_names(self, asked: Api) -> None:
        assert ids(asked.rows("costs", by="project"), "key_name") == {"web", "payments-api", None}
        assert "Claude Code" in ids(asked.rows("costs", by="agent"), "key_name")

    def test_a_session_of_two_days_counts_once_per_group(self, asked: Api) -> None:
        rows = {row["key"]: row["session_count"] for row in asked.rows("costs", by="developer")}
        assert rows == {ALICE: 2, BOB: 1, CAROL: 1}

    def test_totals_are_over_all_rows_also_beyond_the_page(self, asked: Api) -> None:
        body = asked.get("/api/v1/costs", by="developer", limit=1).json()
        assert len(body["data"]) == 1
        assert body["metadata"]["total"] == 3
        assert body["metadata"]["totals"]["cost_usd"] == "3.6225"
        assert body["metadata"]["totals"]["request_count"] == 8

    def test_totals_are_the_same_on_every_page(self, asked: Api) -> None:
        whole = asked.get("/api/v1/costs", by="developer").json()["metadata"]
        first = asked.get("/api/v1/costs", by="developer", limit=2).json()["metadata"]
        second = asked.get("/api/v1/costs", by="developer", limit=2, cursor=first["next_cursor"]).json()["metadata"]
        assert whole["totals"] == first["totals"] == second["totals"]
        assert whole["total"] == first["total"] == second["total"] == 3

    def test_the_share_is_of_everything_shown(self, asked: Api) -> None:
        rows = asked.rows("costs", by="developer")
        assert sum(row["share"] or 0 for row in rows) == pytest.approx(1)

    def test_the_time_before_is_as_long(self, asked: Api) -> None:
        rows = {row["key"]: row for row in asked.rows("costs", by="developer", since="today")}
        assert {key: row["previous_cost_usd"] for key, row in rows.items()} == {ALICE: "1", BOB: "0"}
        by_day = asked.rows("costs", by="day", since="today")
        assert [(row["key"], row["previous_cost_usd"]) for row in by_day] == [("2026-11-05", "1")]

    def test_the_total_before_has_also_who_is_in_no_row_now(self, fresh: Api) -> None:
        rows = Rows().model("claude-opus-4-5", "anthropic", ("5", "0.5", "25"))
        rows.request("a", ALICE, "2026-11-04T10:00:00+00:00", cost="1.50").request("b", BOB, "10:00", cost="2.00")
        fresh.workspace.write(rows.raw)
        body = fresh.get("/api/v1/costs", by="developer", since="today").json()
        assert [(row["key"], row["previous_cost_usd"]) for row in body["data"]] == [(BOB, "0")]
        assert body["metadata"]["totals"]["cost_usd"] == "2"
        assert body["metadata"]["totals"]["previous_cost_usd"] == "1.5"

    def test_without_since_there_is_no_time_before(self, asked: Api) -> None:
        assert ids(asked.rows("costs", by="developer"), "previous_cost_usd") == {None}

    @pytest.mark.parametrize(
        ("filter", "keys"),
        [
            ("cost>1", {ALICE}),
            ("project:web", {ALICE}),
            ("model:gpt*", {BOB}),
            ("kind:subagent", {ALICE}),
            ("tokens>10k", {ALICE, BOB}),
            ("glm", {CAROL}),
        ],
    )
    def test_filters(self, asked: Api, filter: str, keys: set[str]) -> None:
        assert ids(asked.rows("costs", by="developer", filter=filter), "key") == keys


class TestDevelopers:
    def test_work_of_a_developer(self, asked: Api) -> None:
        row = next(row for row in asked.rows("developers") if row["developer_id"] == ALICE)
        assert (row["session_count"], row["live_session_count"], row["request_count"]) == (2, 1, 6)
        assert (row["commit_count"], row["assisted_commit_count"], row["lines_added"]) == (1, 1, 120)
        assert (row["cost_usd"], row["cost_per_commit_usd"], row["agents"]) == ("3.6", "3.6", ["claude_code"])

    def test_everybody_is_there_but_nobody(self, asked: Api) -> None:
        assert ids(asked.rows("developers"), "developer_id") == {ALICE, BOB, CAROL, DAVE}

    def test_the_default_order_is_last_seen(self, asked: Api) -> None:
        assert [row["developer_id"] for row in asked.rows("developers")] == [ALICE, BOB, DAVE, CAROL]

    @pytest.mark.parametrize(
        ("filter", "found"),
        [
            ("dev:alice", {ALICE}),
            ("bob", {BOB}),
            ("agent:codex", {BOB}),
            ("project:web", {ALICE, CAROL, DAVE}),
            ("since:today", {ALICE, BOB}),
            ("since:3d", {ALICE, BOB, DAVE}),
            ("cost>1", {ALICE}),
            ("commits:0", set()),
        ],
    )
    def test_filters(self, asked: Api, filter: str, found: set[str]) -> None:
        assert ids(asked.rows("developers", filter=filter), "developer_id") == found

    def test_numbers_are_those_of_the_range(self, asked: Api) -> None:
        (row,) = asked.rows("developers", filter="dev:alice until:2026-11-04")
        assert (row["session_count"], row["request_count"], row["cost_usd"], row["commit_count"]) == (1, 1, "1", 0)


class TestCoverage:
    @pytest.fixture(scope="class")
    def days(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
        """Alice's telemetry stops, Bob's loses a request, Carol's history does, Dave has counters and history apart."""
        folder = tmp_path_factory.mktemp("coverage")
        workspace = Workspace(folder)
        rows, some, more = Rows(), (1000, 5000, 0, 200), (2000, 5000, 0, 200)
        rows.request("a-1", ALICE, "2026-11-04T10:00:00+00:00").history("a-2", ALICE, "2026-11-05T10:00:00+00:00", some)
        for tokens, when in ((some, "10:00"), (more, "10:05")):
            rows.history("b-1", BOB, f"2026-11-05T{when}:00+00:00", tokens)
            rows.request("c-1", CAROL, f"2026-11-05T{when}:00+00:00", tokens=tokens)
        rows.request("b-1", BOB, "2026-11-05T10:00:00+00:00", tokens=some)
        rows.history("c-1", CAROL, "2026-11-05T10:00:00+00:00", some)
        rows.request("d-1", DAVE, "2026-11-05T10:00:00+00:00").history("d-1", DAVE, "2026-11-05T10:00:00+00:00", some)
        workspace.write(rows.raw)
        clock = FixedClock(NOW)
        with serve(workspace, folder, Broadcaster(clock), clock) as api:
            yield api
        workspace.close()

    def test_each_day_says_who_spoke_and_whether_they_agree(self, days: Api) -> None:
        found = {(row["developer_id"], row["date"]): row["verdict"] for row in days.rows("coverage")}
        assert found == {
            (ALICE, "2026-11-04"): "one source",
            (ALICE, "2026-11-05"): "telemetry stopped",
            (BOB, "2026-11-05"): "telemetry has gaps",
            (CAROL, "2026-11-05"): "history has gaps",
            (DAVE, "2026-11-05"): "sources agree",
        }

    def test_what_each_source_tells_stands_beside_what_was_counted(self, days: Api) -> None:
        (row,) = days.rows("coverage", filter="dev:bob")
        assert row["sources"] == ["log", "transcript"]
        assert (row["request_count"], row["telemetry_request_count"], row["transcript_request_count"]) == (2, 1, 2)
        assert (row["total_tokens"], row["log_tokens"], row["transcript_tokens"]) == (13_400, 6_200, 13_400)

    def test_what_a_source_did_not_tell_is_unknown_and_not_zero(self, days: Api) -> None:
        (row,) = days.rows("coverage", filter="dev:carol")
        assert (row["span_tokens"], row["metric_tokens"], row["hook_session_count"]) == (None, None, None)

    def test_who_sees_only_some_projects_sees_none_of_it(self, days: Api) -> None:
        assert days.rows("coverage", "web") == []


class TestClocks:
    """Everything arrives at noon of 2026-11-05 here."""

    @pytest.mark.parametrize(
        ("told", "drift"),
        [
            (["11:59:58"], -2.0),
            (["12:07:00"], 420.0),
            (["11:40:00"], -1200.0),
            # Late deliveries say nothing where a prompt one was among them.
            (["09:00:00", "11:59:59", "10:00:00"], -1.0),
        ],
    )
    def test_the_promptest_delivery_tells_the_drift(self, tmp_path: Path, told: list[str], drift: float) -> None:
        workspace = Workspace(tmp_path)
        for number, when in enumerate(told):
            workspace.write(Rows().request(f"s-{number}", ALICE, f"2026-11-05T{when}+00:00").raw)
        workspace.write(Rows().request("old", BOB, "2026-11-01T10:00:00+00:00").raw)
        clock = FixedClock(NOW)
        with serve(workspace, tmp_path, Broadcaster(clock), clock) as api:
            found = {row["developer_id"]: row["clock_drift_seconds"] for row in api.rows("coverage")}
        workspace.close()
        assert found == {ALICE: drift, BOB: None}


class TestOthers:
    def test_agents(self, asked: Api) -> None:
        rows = {row["agent_type"]: row for row in asked.rows("agents")}
        assert set(rows) == {"claude_code", "codex"}
        assert (rows["claude_code"]["session_count"], rows["claude_code"]["tool_error_count"]) == (3, 1)
        assert ids(asked.rows("agents", filter="dev:bob"), "agent_type") == {"codex"}

    def test_projects(self, asked: Api) -> None:
        rows = {row["project_name"]: row for row in asked.rows("projects")}
        assert (rows["web"]["commit_count"], rows["web"]["assisted_commit_count"]) == (3, 1)
        assert ids(asked.rows("projects", filter="agent:codex"), "project_name") == {"payments-api"}
        assert ids(asked.rows("projects", filter="project:web"), "project_name") == {"web"}

    def test_models(self, asked: Api) -> None:
        rows = {row["model"]: row for row in asked.rows("models")}
        assert (rows["glm-4.7"]["model_id"], rows["glm-4.7"]["cost_usd"]) == (None, None)
        assert rows["claude-opus-4-5"]["provider"] == "anthropic"

    def test_status(self, asked: Api) -> None:
        told = asked.get("/api/v1/status").json()
        assert (told["version"], told["batch_id"], told["rows"]["git_commits"]) == ("9.9.9", 1, 4)
        assert told["repositories"] == [{"path": "/src/web", "state": "watched"}]


def test_days_are_those_of_the_report_time_zone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, zone="Asia/Tokyo")
    workspace.write(team())
    clock = FixedClock(NOW)
    with serve(workspace, tmp_path, Broadcaster(clock), clock) as api:
        # 23:30 UTC is already the next morning in Tokyo.
        assert ids(api.rows("costs", by="day"), "key") == {"2026-11-05", "2026-10-30"}
        assert ids(api.rows("costs", by="day", since="today"), "key") == {"2026-11-05"}
    workspace.close()


def test_what_the_status_calls_applied_is_in_its_counts(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)

    def applied() -> dict[str, Any]:
        # The applier commits just before it is asked how far it is: the rows must be counted after that.
        workspace.write(team())
        return {"journal": {"lag_bytes": 0}}

    clock = FixedClock(NOW)
    with serve(workspace, tmp_path, Broadcaster(clock), clock, applied) as api:
        told = api.get("/api/v1/status").json()
        assert (told["journal"], told["rows"]["git_commits"]) == ({"lag_bytes": 0}, 4)
    workspace.close()


def test_nothing_was_ever_received(fresh: Api) -> None:
    body = fresh.get("/api/v1/sessions").json()
    assert (body["data"], body["metadata"]["event_count"]) == ([], 0)
