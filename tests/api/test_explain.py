"""What stands behind a number: its definition, its SQL, the model calls that add up to it, and their prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.workspace import ALICE, CAROL, WEB, Rows


def explained(api: Api, role: str = "viewer", **asked: str) -> dict[str, Any]:
    answer = api.get("/api/v1/explain", role, **asked)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize(
    ("view", "row", "more"),
    [
        ("costs", "2026-11-05", {"by": "day"}),
        ("costs", ALICE, {"by": "developer"}),
        ("costs", "claude_code", {"by": "agent"}),
        ("costs", "claude-opus-4-5", {"by": "model"}),
        ("costs", WEB, {"by": "project"}),
        ("costs", "main", {"by": "branch"}),
        ("costs", ALICE, {"by": "developer", "since": "2026-11-05"}),
        ("sessions", "claude_code s-live", {}),
        ("developers", ALICE, {}),
        ("agents", "codex", {}),
        ("projects", WEB, {}),
        ("models", "claude-opus-4-5", {}),
    ],
)
def test_a_cost_is_the_sum_of_its_model_calls(asked: Api, view: str, row: str, more: dict[str, str]) -> None:
    told = explained(asked, view=view, row=row, column="cost_usd", **more)
    calls = told["account"]
    assert Decimal(told["value"]) > 0
    assert (calls["sum"], calls["adds_up"]) == (told["value"], True)
    assert calls["total"] == len(calls["rows"])
    assert sum(Decimal(call["cost_usd"]) for call in calls["rows"] if call["cost_usd"]) == Decimal(told["value"])


def test_the_answer_says_what_the_number_means_and_how_old_it_is(asked: Api) -> None:
    told = explained(asked, view="costs", by="model", row="claude-opus-4-5", column="cost_usd")
    assert told["definition"].startswith("US dollars")
    assert "mart.fct_daily_usage" in told["sql"]
    assert told["batch_id"] == 1
    assert told["as_of"].endswith("Z")
    (price,) = told["prices"]
    assert (price["model_id"], price["input_usd_per_mtok"], price["output_usd_per_mtok"]) == (
        "claude-opus-4-5",
        "5",
        "25",
    )


def test_prices_are_those_of_who_sold_the_calls(fresh: Api) -> None:
    book = Rows().model("gpt-5.6", "openai", ("1.25", "0.125", "10")).model("gpt-5.6-mini", "openai", ("1", "1", "1"))
    elsewhere = Rows().model("gpt-5.6", "azure", ("9", "9", "9")).raw
    elsewhere.tables.pop("model_names")
    fresh.workspace.write(book.request("s-1", ALICE, "11:50", agent="codex", model="gpt-5.6").raw)
    fresh.workspace.write(elsewhere)
    told = explained(fresh, view="developers", row=ALICE, column="cost_usd")
    assert [(price["provider"], price["input_usd_per_mtok"]) for price in told["prices"]] == [("openai", "1.25")]


def test_an_unknown_cost_has_calls_and_no_price(asked: Api) -> None:
    told = explained(asked, view="developers", row=CAROL, column="cost_usd")
    assert (told["value"], told["account"]["total"], told["prices"]) == (None, 1, [])
    assert told["account"]["adds_up"] is True


def test_one_model_call_explains_itself(asked: Api) -> None:
    key = asked.rows("requests", filter="session:s-idle")[0]["request_key"]
    told = explained(asked, view="requests", row=key, column="cost_usd")
    assert [call["request_key"] for call in told["account"]["rows"]] == [key]
    assert told["account"]["adds_up"] is True


def test_a_count_shows_what_it_counts(asked: Api) -> None:
    told = explained(asked, view="developers", row=ALICE, column="commit_count")
    assert (told["account"]["of"], told["account"]["adds_up"], told["account"]["sum"]) == ("commits", True, 1)
    assert [row["commit_subject"] for row in told["account"]["rows"]] == ["honour the refund window"]
    assert "explain_commits" not in told["account"]["sql"]
    assert told["prices"] == []


def test_what_is_no_sum_says_why(asked: Api) -> None:
    told = explained(asked, view="developers", row=ALICE, column="cost_per_commit_usd")
    assert (told["account"], told["reason"]) == (None, "cost_usd by commit_count; explain each of them")
    told = explained(asked, view="developers", row=ALICE, column="last_seen_at")
    assert told["reason"] == "an instant, not a figure"


def test_nobody_sees_more_by_asking_why(asked: Api) -> None:
    answer = asked.get("/api/v1/explain", "developer", view="developers", row=CAROL, column="cost_usd")
    assert answer.status_code == 404
    mine = explained(asked, "developer", view="developers", row=ALICE, column="cost_usd")
    assert {call["developer_id"] for call in mine["account"]["rows"]} == {ALICE}


@pytest.mark.parametrize(
    ("parameters", "status", "says"),
    [
        ({}, 422, "view is missing"),
        ({"view": "costs", "row": "x"}, 422, "column is missing"),
        ({"view": "cost", "row": "x", "column": "y"}, 404, "did you mean costs"),
        ({"view": "costs", "row": "x", "column": "cost_us"}, 404, "did you mean cost_usd"),
        ({"view": "costs", "by": "agent", "row": "nobody", "column": "cost_usd"}, 404, "no row nobody"),
        ({"view": "costs", "rows": "x", "row": "x", "column": "cost_usd"}, 422, "did you mean row"),
        ({"view": "costs", "row": "x", "column": "cost_usd", "filter": "devv:a"}, 400, "dev"),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong(asked: Api, parameters: dict[str, str], status: int, says: str) -> None:
    answer = asked.get("/api/v1/explain", **parameters)
    assert answer.status_code == status
    assert says in answer.json()["detail"] + answer.json().get("title", "")
