"""Pages: whole, in order, and stable while rows arrive."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api.views import VIEWS
from tests.api.conftest import Api
from tests.api.workspace import many


def pages(api: Api, view: str, **parameters: Any) -> list[list[dict[str, Any]]]:
    """All pages from the first to the last."""
    found: list[list[dict[str, Any]]] = []
    cursor = None
    while cursor is not None or not found:
        body = api.get(f"/api/v1/{view}", **parameters, **({"cursor": cursor} if cursor else {})).json()
        found.append(body["data"])
        cursor = body["metadata"]["next_cursor"]
        assert len(found) < 100
    return found


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_pages_put_together_are_the_whole(asked: Api, view: Any) -> None:
    whole = asked.rows(view.name)
    assert [row for page in pages(asked, view.name, limit=1) for row in page] == whole


@pytest.mark.parametrize(
    "sort", ["cost_usd", "-cost_usd", "state,cost_usd", "project_name,-session_start", "-duration_seconds", "branch"]
)
def test_unknown_and_equal_values_neither_repeat_nor_hide_rows(asked: Api, sort: str) -> None:
    whole = asked.rows("sessions", sort=sort)
    assert [row for page in pages(asked, "sessions", sort=sort, limit=1) for row in page] == whole


@pytest.mark.parametrize("sort", ["-session_start", "session_start", "-cost_usd"])
def test_rows_that_arrive_between_two_pages_neither_repeat_nor_hide_others(fresh: Api, sort: str) -> None:
    fresh.workspace.write(many(30))
    before = [row["session_id"] for row in fresh.rows("sessions", sort=sort)]
    first = fresh.get("/api/v1/sessions", sort=sort, limit=10).json()
    fresh.workspace.write(many(30, start=30))
    second = fresh.get("/api/v1/sessions", sort=sort, limit=1000, cursor=first["metadata"]["next_cursor"]).json()
    seen = [row["session_id"] for row in first["data"] + second["data"]]
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen)


def test_the_total_is_of_all_pages(asked: Api) -> None:
    body = asked.get("/api/v1/sessions", limit=1).json()
    assert (len(body["data"]), body["metadata"]["total"]) == (1, 4)


@pytest.mark.parametrize(
    "other",
    [{"sort": "session_id"}, {"filter": "dev:alice"}, {"sort": "-cost_usd"}],
)
def test_a_cursor_belongs_to_its_query(asked: Api, other: dict[str, str]) -> None:
    cursor = asked.get("/api/v1/sessions", limit=1).json()["metadata"]["next_cursor"]
    response = asked.get("/api/v1/sessions", cursor=cursor, **other)
    assert response.status_code == 422
    assert "start again without it" in response.json()["detail"]


@pytest.mark.parametrize("cursor", ["x", "é", "AAAA", "W10", "WzFd", "'; drop table", "e30", "%00", "W251bGwsbnVsbF0"])
def test_what_is_no_cursor_is_refused(asked: Api, cursor: str) -> None:
    assert asked.get("/api/v1/sessions", cursor=cursor).status_code == 422


def test_the_cache_answers_until_something_changes(fresh: Api) -> None:
    fresh.workspace.write(many(3))

    def hit() -> bool:
        answer: bool = fresh.get("/api/v1/commits").json()["metadata"]["cache_hit"]
        return answer

    assert [hit(), hit()] == [False, True]
    fresh.workspace.write(many(1, start=3))
    assert [hit(), hit()] == [False, True]


def test_the_cache_knows_callers_apart(asked: Api) -> None:
    asked.rows("sessions", sort="session_id")
    assert {row["developer_id"] for row in asked.rows("sessions", "developer", sort="session_id")} == {
        "alice@example.org"
    }
