"""Time series: the same figures as the views, by time, for who may see them."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from engine.api.series.question import FIELDS
from engine.api.series.registry import AGGREGATIONS, METRICS, OPERATORS, TAGS
from tests.api.conftest import Api
from tests.api.workspace import ALICE

SPAN = {"start": "2026-09-01", "end": "2026-12-01"}


def points(api: Api, role: str = "viewer", **asked: Any) -> list[dict[str, Any]]:
    """The points of a question by POST."""
    with api.client(role) as client:
        answer = client.post("/api/metrics/query", json={"timeRange": SPAN, "limit": 10_000, **asked})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["metadata"]["totalPoints"] == len(body["data"])
    data: list[dict[str, Any]] = body["data"]
    return data


def summed(found: list[dict[str, Any]], metric: str) -> Decimal:
    return sum((Decimal(str(point["value"])) for point in found if point["metric"] == metric), Decimal(0))


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_every_aggregation_adds_up_to_the_costs_view(asked: Api, aggregation: str) -> None:
    rows = asked.rows("costs", by="model", since="2026-09-01", limit=1000)
    names = ["cost_usd", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"]
    found = points(asked, metrics=names, aggregation=aggregation)
    for name in names:
        assert summed(found, name) == sum(Decimal(str(row[name] or 0)) for row in rows), name
    requests = points(asked, metrics=["requests"], aggregation=aggregation)
    assert summed(requests, "requests") == sum(row["request_count"] for row in rows)


def test_statistics_of_a_bucket_are_those_of_its_raw_values(asked: Api) -> None:
    zone = ZoneInfo(asked.workspace.zone)
    values: dict[datetime, list[Decimal]] = defaultdict(list)
    for point in points(asked, metrics=["total_tokens"]):
        local = datetime.fromisoformat(point["time"]).astimezone(zone)
        values[datetime(local.year, local.month, local.day, tzinfo=zone)].append(Decimal(point["value"]))
    found = {
        datetime.fromisoformat(point["time"]).astimezone(zone): point
        for point in points(asked, metrics=["total_tokens"], aggregation="1d")
    }
    assert found.keys() == values.keys()
    for day, point in found.items():
        ordered = sorted(values[day])
        assert point["count"] == len(ordered)
        assert (point["value"], point["min"], point["max"]) == (sum(ordered), ordered[0], ordered[-1])
        assert ordered[0] <= point["p50"] <= point["p95"] <= ordered[-1]
        assert point["p50"] in ordered


def test_durations_are_averaged_and_unknown_values_are_no_points(asked: Api) -> None:
    raw = points(asked, metrics=["request_duration_ms", "requests"])
    known = [point["value"] for point in raw if point["metric"] == "request_duration_ms"]
    assert None not in known
    total = len([point for point in raw if point["metric"] == "requests"])
    assert 0 < len(known) <= total
    for point in points(asked, metrics=["request_duration_ms"], aggregation="1d"):
        assert point["min"] <= point["value"] <= point["max"]


def test_raw_points_carry_their_tags_and_grouping_keeps_them_apart(asked: Api) -> None:
    raw = points(asked, metrics=["total_tokens"])
    assert set(raw[0]["tags"]) == set(TAGS)
    by_developer: dict[Any, Decimal] = defaultdict(Decimal)
    for point in raw:
        by_developer[point["tags"]["developer"]] += Decimal(point["value"])
    grouped: dict[Any, Decimal] = defaultdict(Decimal)
    for point in points(asked, metrics=["total_tokens"], aggregation="1h", groupBy=["developer"]):
        assert set(point["tags"]) == {"developer"}
        grouped[point["tags"]["developer"]] += Decimal(point["value"])
    assert grouped == by_developer
    assert len(grouped) > 1


def test_filters_hold_all_together(asked: Api) -> None:
    raw = points(asked, metrics=["requests"])
    first = raw[0]["tags"]
    mine = [point for point in raw if point["tags"]["developer"] == first["developer"]]
    others = [point for point in raw if point["tags"]["agent"] != first["agent"]]

    def count(*filters: dict[str, Any]) -> int:
        return len(points(asked, metrics=["requests"], filters=list(filters)))

    assert count({"field": "developer", "op": "eq", "value": first["developer"]}) == len(mine)
    assert count({"field": "developer", "op": "in", "value": [first["developer"], "nobody"]}) == len(mine)
    assert count({"field": "agent", "op": "neq", "value": first["agent"]}) == len(others)
    assert count({"field": "developer", "op": "contains", "value": first["developer"][1:-1]}) >= len(mine)
    assert count({"field": "developer", "op": "contains", "value": "%"}) == 0
    nothing = {"field": "agent", "op": "in", "value": []}
    assert count({"field": "developer", "op": "eq", "value": first["developer"]}, nothing) == 0


def test_get_asks_the_same(asked: Api) -> None:
    posted = points(
        asked,
        metrics=["cost_usd", "requests"],
        aggregation="1d",
        filters=[{"field": "agent", "op": "in", "value": ["claude_code", "codex"]}],
        groupBy=["agent"],
    )
    answer = asked.get(
        "/api/metrics/query",
        **SPAN,
        metric="cost_usd,requests",
        aggregation="1d",
        filter="agent:in:claude_code,codex",
        group_by="agent",
        limit=10_000,
    )
    assert answer.json()["data"] == posted
    assert posted


def test_tools_and_commits_are_series_too(asked: Api) -> None:
    for metric, view in (("tool_calls", "tools"), ("commits", "commits")):
        assert summed(points(asked, metrics=[metric], aggregation="1d"), metric) > 0, view


def test_who_may_see_less_sees_less(asked: Api) -> None:
    everything = points(asked, metrics=["requests"])
    own = points(asked, "developer", metrics=["requests"])
    web = points(asked, "web", metrics=["requests"])
    assert {point["tags"]["developer"] for point in own} == {ALICE}
    assert len({point["tags"]["project"] for point in web}) == 1
    assert 0 < len(own) < len(everything)
    assert 0 < len(web) < len(everything)
    assert asked.get("/api/metrics/query", "ingest", **SPAN).status_code == 403


def test_a_second_question_is_answered_from_the_cache_until_something_changes(asked: Api) -> None:
    question = {"start": "2026-09-02", "end": "2026-12-01", "metric": "cost_usd", "aggregation": "1h"}
    first = asked.get("/api/metrics/query", **question).json()
    again = asked.get("/api/metrics/query", **question).json()
    assert (first["metadata"]["cacheHit"], again["metadata"]["cacheHit"]) == (False, True)
    assert first["data"] == again["data"]


def test_a_limit_keeps_the_oldest_and_tells_how_many_there_are(asked: Api) -> None:
    every = points(asked, metrics=["requests"])
    answer = asked.get("/api/metrics/query", **SPAN, metric="requests", limit=2).json()
    assert answer["data"] == every[:2]
    assert answer["metadata"]["totalPoints"] == len(every)


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [
        ([], "no JSON object"),
        ({}, "timeRange"),
        ({"timeRange": {"start": "then"}}, "no time"),
        ({"timeRange": {"start": 5}}, "no time"),
        ({"timeRange": {"start": "2026-11-02", "end": "2026-11-01"}}, "before"),
        ({"timeRange": SPAN, "metrics": ["cost_us"]}, "did you mean cost_usd"),
        ({"timeRange": SPAN, "metrics": "cost_usd"}, "array"),
        ({"timeRange": SPAN, "aggregation": "2h"}, "aggregation"),
        (
            {"timeRange": SPAN, "filters": [{"field": "developer; drop table x", "op": "eq", "value": "a"}]},
            "filter field",
        ),
        ({"timeRange": SPAN, "filters": [{"field": "agent", "op": "=", "value": "a"}]}, "operator"),
        ({"timeRange": SPAN, "filters": [{"field": "agent", "op": "eq", "value": 7}]}, "text"),
        ({"timeRange": SPAN, "filters": [{"field": "agent"}]}, "field, op, value"),
        ({"timeRange": SPAN, "groupBy": ["agent"]}, "aggregation"),
        ({"timeRange": SPAN, "limit": 0}, "limit"),
        ({"timeRange": SPAN, "limit": True}, "limit"),
        ({"timeRange": SPAN, "order": "desc"}, "unknown field"),
    ],
)
def test_what_is_wrong_is_told(asked: Api, asked_for: Any, said: str) -> None:
    with asked.client() as client:
        answer = client.post("/api/metrics/query", json=asked_for)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
TEXTS = some.text(max_size=30) | some.sampled_from(["'; drop table x; --", "$held0", "{tag}", "%", "\x00", "\ud800"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    question=some.fixed_dictionaries(
        {"timeRange": some.just(SPAN) | JSON},
        optional={
            "metrics": some.lists(some.sampled_from([metric.name for metric in METRICS]) | TEXTS, max_size=4) | JSON,
            "aggregation": some.sampled_from(AGGREGATIONS) | JSON,
            "filters": some.lists(
                some.fixed_dictionaries(
                    {
                        "field": some.sampled_from(TAGS),
                        "op": some.sampled_from(tuple(OPERATORS)),
                        "value": TEXTS | some.lists(TEXTS, max_size=3),
                    }
                ),
                max_size=3,
            )
            | JSON,
            "groupBy": some.lists(some.sampled_from(TAGS), max_size=3) | JSON,
            "limit": some.integers(1, 100) | JSON,
        },
    )
)
def test_no_question_breaks_it(asked: Api, question: dict[str, Any]) -> None:
    assert set(question) <= set(FIELDS)
    try:
        body = json.dumps(question).encode("utf-8", "surrogatepass")
    except ValueError:
        return
    with asked.client() as client:
        answer = client.post("/api/metrics/query", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 200:
        assert len(answer.json()["data"]) <= question.get("limit", 1_000)
