"""Every figure of every view is explained: the rows behind it add up to it, or the answer says why there are none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.api.answers import Answers
from engine.api.caller import Sight
from engine.api.explain import Asked, Explanation, explain
from engine.api.query import Query, read_query
from engine.api.views import VIEWS, Column
from tests.api.workspace import ALICE, BOB, NOW, WEB, Rows, Workspace, team

ZONE = ZoneInfo("UTC")
EVERYTHING = Sight()
NUMERIC = ("integer", "number", "money", "integers")
NO_SUM = {
    "sessions": {"duration_seconds", "active_seconds", "prompt_count", "tokens_trend"},
    "commits": {"confidence", "seconds_after_session"},
    "costs": {"share", "previous_cost_usd", "paid_usd", "covered_usd"},
    "developers": {"cost_per_commit_usd"},
    "coverage": {"silent_session_count", "silent_tokens", "clock_drift_seconds"},
    "session_sources": {"difference_tokens", "sign_count"},
}
"""Figures that are no sum of rows: each of them needs a reason of its own."""
ROWS_TRIED = 2


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The team, with histories beside the telemetry, hooks, and a source that fell silent."""
    made = Workspace(tmp_path_factory.mktemp("everything"))
    rows, some = Rows(), (1000, 5000, 0, 200)
    rows.history("s-live", ALICE, "11:50", some).history("s-live", ALICE, "11:58", some)
    rows.request("s-both", BOB, "2026-11-04T10:00:00+00:00", tokens=some)
    rows.history("s-both", BOB, "2026-11-04T10:00:00+00:00", some)
    rows.history("s-silent", BOB, "2026-11-05T09:00:00+00:00", some)
    rows.context("s-live", "11:49", "prompt", WEB, "main").context("s-silent", "09:00", "prompt", WEB, "main")
    made.write(team())
    made.write(rows.raw)
    yield made
    made.close()


def figures(query: Query) -> list[Column]:
    return [column for column in query.view.shown if column.kind in NUMERIC]


def asked_rows(workspace: Workspace, query: Query) -> list[dict[str, object]]:
    page = Answers(workspace.reader, ZONE).page(query, EVERYTHING, NOW, 0)
    names = [column.name for column in page.columns]
    return [dict(zip(names, row, strict=True)) for row in page.rows]


def explanations(workspace: Workspace, query: Query) -> Iterator[tuple[str, Explanation]]:
    for row in asked_rows(workspace, query)[:ROWS_TRIED]:
        values = [row[name] for name in query.view.key]
        key = "unknown" if values == [None] else " ".join(str(value) for value in values)
        for column in figures(query):
            told = explain(workspace.reader, Asked(query, key, column), EVERYTHING, NOW, ZONE)
            assert told.value == row[column.name], (key, column.name)
            yield f"{key}: {column.name}", told


QUESTIONS = [
    *((name, {}) for name in VIEWS if name != "costs"),
    *(("costs", {"by": by}) for by in VIEWS["costs"].groups),
    # A range of whole days seen at noon, a filter, a word, and a condition on the finished row.
    ("costs", {"by": "agent", "since": "1d"}),
    ("developers", {"since": "1d"}),
    ("projects", {"since": "2026-11-05", "filter": "agent:claude_code cost>0"}),
    ("models", {"filter": "alice"}),
    ("agents", {"filter": "dev:bob"}),
    ("trust", {"filter": "project:web", "since": "7d"}),
]


@pytest.mark.parametrize(
    ("name", "parameters"), QUESTIONS, ids=[f"{name} {' '.join(more.values())}".strip() for name, more in QUESTIONS]
)
def test_the_rows_behind_a_figure_add_up_to_it(workspace: Workspace, name: str, parameters: dict[str, str]) -> None:
    query = read_query(name, list(parameters.items()))
    found = list(explanations(workspace, query))
    if name == "reconciliation":
        # Bills and plans are set beside each other by the SQL alone.
        assert {told.account for _, told in found} <= {None}
        return
    assert found
    wrong = [label for label, told in found if told.account is not None and told.account.adds_up is False]
    assert wrong == []
    without = {told.asked.column.name for _, told in found if told.account is None or told.account.adds_up is None}
    assert without <= NO_SUM.get(name, set())


def test_a_figure_without_a_sum_says_why(workspace: Workspace) -> None:
    from engine.api.explain import explanation_body

    for name, columns in NO_SUM.items():
        query = read_query(name, [])
        row = asked_rows(workspace, query)[-1]
        key = " ".join(str(row[part]) for part in query.view.key)
        for column in columns:
            found = query.view.column(column)
            assert found is not None
            body = explanation_body(explain(workspace.reader, Asked(query, key, found), EVERYTHING, NOW, ZONE))
            assert b"no account is kept" not in body, (name, column)
            assert b'"reason":null' not in body, (name, column)


def test_the_alarm_of_the_silent_day_is_there(workspace: Workspace) -> None:
    (row,) = asked_rows(workspace, read_query("coverage", [("filter", "dev:bob since:2026-11-05 agent:claude_code")]))
    assert (row["state"], row["alarm"], row["silent_session_count"], row["silent_tokens"]) == (
        "alarm",
        "telemetry stopped",
        1,
        6200,
    )


def test_what_is_minutes_old_may_still_be_on_its_way(tmp_path: Path) -> None:
    made = Workspace(tmp_path)
    rows = Rows().request("a", BOB, "2026-11-04T10:00:00+00:00").history("b", BOB, "11:55", (1, 2, 3, 4))
    made.write(rows.raw)
    query = read_query("coverage", [("since", "2026-11-05")])
    (early,) = asked_rows(made, query)
    assert (early["verdict"], early["alarm"], early["state"]) == ("too early to tell", None, "quiet")
    page = Answers(made.reader, ZONE).page(query, EVERYTHING, NOW + timedelta(minutes=15), 0)
    assert "telemetry stopped" in page.rows[0]
    made.close()
