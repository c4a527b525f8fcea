"""Whole views as CSV and Arrow, and the description of the API."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from engine.api.views import VIEWS
from tests.api.conftest import Api
from tests.api.workspace import many


@pytest.mark.parametrize("view", VIEWS)
def test_csv_says_what_json_says(asked: Api, view: str) -> None:
    response = asked.get(f"/api/v1/{view}", format="csv")
    assert response.headers["content-type"].startswith("text/csv")
    assert f'filename="{view}.csv"' in response.headers["content-disposition"]
    told = list(csv.DictReader(io.StringIO(response.text, newline="")))
    rows = asked.rows(view)
    assert [list(row) for row in told] == [list(row) for row in rows]
    for line, row in zip(told, rows, strict=True):
        for name, value in row.items():
            if isinstance(value, str) and not value.startswith("="):
                assert line[name] == value
            elif value is None:
                assert line[name] == ""


@pytest.mark.parametrize("view", VIEWS)
def test_arrow_says_what_json_says(asked: Api, view: str) -> None:
    response = asked.get(f"/api/v1/{view}", format="arrow")
    table = pa.ipc.open_stream(response.content).read_all()
    rows = asked.rows(view)
    assert table.column_names == list(rows[0])
    assert table.num_rows == len(rows)


def test_arrow_keeps_money_exact_and_time_in_utc(asked: Api) -> None:
    table = pa.ipc.open_stream(asked.get("/api/v1/sessions", format="arrow", sort="session_id").content).read_all()
    row = table.slice(1, 1).to_pylist()[0]
    assert row["session_id"] == "s-live"
    assert row["cost_usd"] == Decimal("0.6")
    assert row["session_start"] == datetime(2026, 11, 5, 11, 48, tzinfo=UTC)


def test_a_spreadsheet_calculates_nothing(asked: Api) -> None:
    text = asked.get("/api/v1/commits", format="csv").text
    (line,) = [line for line in csv.DictReader(io.StringIO(text, newline="")) if line["commit_hash"].startswith("dddd")]
    assert line["commit_subject"] == '\'=cmd|"/c calc"!A1'


def test_an_export_is_whole_and_filtered_and_sorted(fresh: Api) -> None:
    fresh.workspace.write(many(1_200))
    text = fresh.get("/api/v1/sessions", format="csv", sort="session_start", filter="page-0*").text
    names = [line["session_id"] for line in csv.DictReader(io.StringIO(text, newline=""))]
    assert names == [f"page-{number:04d}" for number in range(1_000)]
    limited = fresh.get("/api/v1/sessions", format="csv", limit=7).text
    assert len(limited.splitlines()) == 8


def test_a_wrong_filter_fails_before_the_first_byte(asked: Api) -> None:
    response = asked.get("/api/v1/sessions", format="csv", filter="nope:1")
    assert response.status_code == 400


class TestOpenApi:
    def test_it_has_every_view_with_its_columns(self, asked: Api) -> None:
        told = asked.get("/openapi.json").json()
        assert told["openapi"] == "3.1.0"
        for view in VIEWS.values():
            operation = told["paths"][f"/api/v1/{view.name}"]["get"]
            assert operation["operationId"] == view.name
            schema = told["components"]["schemas"][f"{view.name}_row"]
            assert list(schema["properties"]) == [column.name for column in view.shown]

    def test_it_names_parameters_groups_and_problems(self, asked: Api) -> None:
        operation = asked.get("/openapi.json").json()["paths"]["/api/v1/costs"]["get"]
        parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
        assert set(parameters) == {"filter", "since", "until", "sort", "limit", "cursor", "format", "by"}
        assert parameters["by"]["schema"]["enum"] == ["day", "developer", "agent", "model", "project", "branch"]
        assert {"200", "400", "401", "403", "422", "503"} == set(operation["responses"])
