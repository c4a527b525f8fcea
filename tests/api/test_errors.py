"""Refusals: problem details that say what, where and what to do; and who may see what."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.api.views import VIEWS
from tests.api.conftest import Api
from tests.api.workspace import ALICE, PAYMENTS, WEB


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/v1/sessions?filter=devv:alice", 400, "did you mean dev?"),
        ("/api/v1/sessions?filter=cost>many", 400, "many is no number"),
        ("/api/v1/sessions?filter=team:web", 400, "sessions has no field team; it has age, agent"),
        ("/api/v1/costs?filter=state:live", 400, "costs has no field state"),
        ("/api/v1/sessions?since=soon", 422, "since: soon is no time"),
        ("/api/v1/sessions?sort=prise", 422, "sessions cannot be sorted by prise"),
        ("/api/v1/sessions?sort=cost", 422, "did you mean cost_usd?"),
        ("/api/v1/sessions?sort=models", 422, "cannot be sorted by models"),
        ("/api/v1/sessions?sort=,", 422, "cannot be sorted by nothing"),
        ("/api/v1/sessions?limit=0", 422, "limit: 0 is no number from 1 to 1000"),
        ("/api/v1/sessions?limit=1001", 422, "limit"),
        ("/api/v1/sessions?limit=many", 422, "limit"),
        ("/api/v1/sessions?format=xml", 422, "format: xml is none of json, csv, arrow"),
        ("/api/v1/costs?by=weekday", 422, "by: weekday is none of day, developer"),
        ("/api/v1/sessions?by=day", 422, "unknown parameter by"),
        ("/api/v1/sessions?fliter=x", 422, "unknown parameter fliter; did you mean filter?"),
        ("/api/v1/sessions?limit=1&limit=2", 422, "limit is given twice"),
        ("/api/v1/stream?filter=devv:x", 400, "did you mean dev?"),
        ("/api/v1/stream?since=7d", 422, "the stream takes filter"),
        ("/api/v1/session", 404, ""),
        ("/nothing", 404, ""),
    ],
)
def test_a_refusal_is_a_problem_that_says_what_to_do(asked: Api, path: str, status: int, says: str) -> None:
    with asked.client() as client:
        response = client.get(path)
    problem = response.json()
    assert (response.status_code, problem["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "detail"} <= set(problem)
    assert says in problem["detail"]


def test_a_wrong_filter_is_pointed_at(asked: Api) -> None:
    problem = asked.get("/api/v1/sessions", filter="dev:alice cost>many").json()
    assert (problem["filter"], problem["column"], problem["length"]) == ("dev:alice cost>many", 16, 4)
    assert problem["caret"].endswith("\n               ^^^^")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/api/v1/sessions", "/api/v1/stream", "/api/v1/status", "/openapi.json"])
def test_what_is_read_cannot_be_written(asked: Api, method: str, path: str) -> None:
    with asked.client("admin") as client:
        response = client.request(method, path)
    assert response.status_code == 405
    assert "GET" in response.headers["allow"]


def test_head_answers_without_a_body(asked: Api) -> None:
    with asked.client() as client:
        response = client.head("/api/v1/sessions")
    assert (response.status_code, response.content) == (200, b"")


def test_before_the_models_are_built_it_says_so(quiet: Api) -> None:
    response = quiet.get("/api/v1/sessions")
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert "the models are not built yet" in response.json()["detail"]


class TestRoles:
    @pytest.mark.parametrize("view", [*VIEWS, "status", "stream"])
    def test_keys_that_send_do_not_read(self, asked: Api, view: str) -> None:
        assert asked.get(f"/api/v1/{view}", "ingest").status_code == 403

    @pytest.mark.parametrize("role", ["viewer", "lead", "admin"])
    def test_the_others_read_everything(self, asked: Api, role: str) -> None:
        assert len(asked.rows("sessions", role)) == 4

    def test_a_developer_reads_own_rows_only(self, asked: Api) -> None:
        for view in ("sessions", "requests", "tools", "commits", "developers"):
            assert {row["developer_id"] for row in asked.rows(view, "developer")} == {ALICE}

    def test_totals_and_groups_of_a_developer_are_own(self, asked: Api) -> None:
        body = asked.get("/api/v1/costs", "developer", by="agent", since="today").json()
        assert [row["key"] for row in body["data"]] == ["claude_code"]
        assert body["metadata"]["totals"]["cost_usd"] == "2.6"
        assert body["metadata"]["totals"]["previous_cost_usd"] == "1"
        assert [row["agent_type"] for row in asked.rows("agents", "developer")] == ["claude_code"]
        assert [row["model"] for row in asked.rows("models", "developer")] == ["claude-opus-4-5"]
        assert [row["project_id"] for row in asked.rows("projects", "developer")] == [WEB]

    def test_a_filter_does_not_widen_what_a_developer_sees(self, asked: Api) -> None:
        assert asked.rows("sessions", "developer", filter="dev:bob") == []
        assert asked.rows("developers", "developer", filter="dev:bob") == []

    def test_a_key_of_a_project_reads_that_project_only(self, asked: Api) -> None:
        for view in ("sessions", "requests", "tools", "commits", "projects"):
            assert {row["project_id"] for row in asked.rows(view, "web")} == {WEB}
        assert {row["key"] for row in asked.rows("costs", "web", by="project")} == {WEB}
        assert {row["developer_id"] for row in asked.rows("developers", "web")} >= {ALICE}
        assert PAYMENTS not in asked.get("/api/v1/developers", "web").text

    def test_exports_are_held_to_the_same_rows(self, asked: Api) -> None:
        assert b"bob@" not in asked.get("/api/v1/sessions", "developer", format="csv").content

    def test_nobody_in_particular_is_refused(self, asked: Api) -> None:
        with asked.client() as client:
            assert client.get("/api/v1/sessions", headers={"x-api-key": "aa_live_wrong"}).status_code == 401


hostile = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(
        ["'; drop table mart.fct_sessions; --", "' or 1=1 --", "../../etc/passwd", "$now", "${7*7}", "{{7*7}}"]
    ),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    view=st.sampled_from(sorted(VIEWS)),
    parameter=st.sampled_from(["filter", "since", "until", "sort", "limit", "cursor", "format", "by"]),
    text=hostile,
)
def test_no_parameter_breaks_anything(asked: Api, view: str, parameter: str, text: str) -> None:
    response = asked.get(f"/api/v1/{view}", **{parameter: text})
    assert response.status_code in (200, 400, 422)
    assert len(asked.rows("commits")) == 4
