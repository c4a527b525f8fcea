"""Commits: one row each, and how sure it is that an agent had part in them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.models.raw import PROJECT, commit, context, evidence, log, request, rows
from tests.models.workbench import Workbench

JUDGED = (
    "select left(commit_hash, 2), attribution, confidence, method, agent_type, agent_session_id"
    " from mart.fct_git_commits order by 1"
)
SHA = "a1" + "0" * 38


def session(*, until: float = 60) -> list[object]:
    """Session s1 of alice in the project, at work for a minute."""
    return [context(0), request(0), request(until)]


def test_reports_of_one_commit_become_one_row(bench: Workbench) -> None:
    bench.take(
        commit("a1", source="hook", branch="feature", files_changed=None, lines_added=None, developer_id="alice"),
        commit("a1", source="watch", branch="main"),
        commit("a1", source="watch", branch="main", project_id="github.com/fork/web"),
    )
    bench.build()
    assert bench.rows(
        "select project_id, branch, lines_added, commit_subject from mart.fct_git_commits order by 1"
    ) == [
        (PROJECT, "feature", 10, "Fix the login"),
        ("github.com/fork/web", "main", 10, "Fix the login"),
    ]


def test_root_merge_and_empty_commits(bench: Workbench) -> None:
    bench.take(
        commit("a1", parents=""),
        commit("b2", parents="f" * 40 + " " + "e" * 40, lines_added=None, lines_deleted=None),
        commit("c3", parents=None, lines_added=0, files_changed=0),
    )
    bench.build(every_test=True)
    assert bench.rows("select is_merge, lines_changed, commit_size from mart.fct_git_commits order by commit_hash") == [
        (False, 10, "small"),
        (True, 0, "unknown"),
        (False, 0, "small"),
    ]


def test_commits_of_a_developer_without_telemetry_are_unknown(bench: Workbench) -> None:
    bench.take(request(0), commit("a1", 9000), commit("b2", 9000, author_email="bob@acme.dev", author_name="Bob"))
    bench.build(every_test=True)
    assert bench.rows(JUDGED) == [
        ("a1", "none", None, None, None, None),
        ("b2", "unknown", None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-2, None),
        (0, ("possible", Decimal("0.45"), "window_live")),
        (60, ("possible", Decimal("0.45"), "window_live")),
        (61, ("possible", Decimal("0.35"), "window_after")),
        (360, ("possible", Decimal("0.35"), "window_after")),
        (361, None),
    ],
)
def test_the_correlation_window(bench: Workbench, seconds: float, expected: tuple[str, Decimal, str] | None) -> None:
    bench.take(*session(), commit("a1", seconds))  # type: ignore[arg-type]
    bench.build()
    judged = bench.row("select attribution, confidence, method from mart.fct_git_commits")
    assert judged == (expected or ("none", None, None))


def test_the_window_is_configurable(open_bench: Callable[..., Workbench]) -> None:
    bench = open_bench(correlation_window=10)
    bench.take(*session(), commit("a1", 75), commit("b2", 69))  # type: ignore[arg-type]
    bench.build()
    assert bench.rows("select attribution from mart.fct_git_commits order by commit_hash") == [
        ("none",),
        ("possible",),
    ]


def test_another_project_or_another_developer_is_no_link(bench: Workbench) -> None:
    bench.take(
        *session(),  # type: ignore[arg-type]
        commit("a1", 30, project_id="github.com/acme/api"),
        commit("b2", 30, author_email="bob@acme.dev"),
    )
    bench.build()
    assert bench.rows("select attribution from mart.fct_git_commits order by commit_hash") == [("none",), ("unknown",)]
    assert bench.rows("select kind from intermediate.int_commit_evidence") == [("developer_only",)]


@pytest.mark.parametrize(
    ("kind", "confidence"),
    [
        ("hook_environment", "0.99"),
        ("telemetry_sha", "0.98"),
        ("git_ai_note", "0.97"),
        ("session_trailer", "0.95"),
    ],
)
def test_a_sign_that_names_the_session(bench: Workbench, kind: str, confidence: str) -> None:
    bench.take(request(0), commit("a1", 7200), evidence(SHA, kind, agent_type="claude_code", session_id="s1"))
    bench.build(every_test=True)
    assert bench.rows(JUDGED) == [("a1", "assisted", Decimal(confidence), kind, "claude_code", "s1")]


def test_an_abbreviated_sha_is_made_whole_by_its_prefix(bench: Workbench) -> None:
    bench.take(
        request(0),
        commit("a1b2c3d4e5", 7200),
        commit("a1b2c3d9", 7200),
        log("tool_result", 10, tool_name="Bash", tool_use_id="t1", is_git_commit=True, commit_sha="A1B2C3D4"),
        evidence("a1b2c3d9"[:8], "telemetry_sha", agent_type="claude_code", session_id="s1"),
    )
    bench.build()
    assert bench.rows("select method, agent_session_id from mart.fct_git_commits") == [("telemetry_sha", "s1")] * 2


def test_too_short_a_sha_names_nothing(bench: Workbench) -> None:
    bench.take(
        request(0),
        commit("a1b2c3d4", 7200),
        log("tool_result", 10, tool_name="Bash", is_git_commit=True, commit_sha="a1b2c3"),
    )
    bench.build()
    assert bench.row("select attribution from mart.fct_git_commits") == ("none",)


@pytest.mark.parametrize(
    ("seconds", "method"), [(5, "commit_tool_call"), (15, "commit_tool_call"), (22, "window_live")]
)
def test_a_git_commit_call_within_five_seconds(bench: Workbench, seconds: float, method: str) -> None:
    """The call ended after 15 seconds and took 5: 5 seconds around that span count."""
    bench.take(
        *session(),  # type: ignore[arg-type]
        log("tool_result", 15, tool_name="Bash", duration_ms=5000, is_git_commit=True, success=True),
        commit("a1", seconds),
    )
    bench.build()
    assert bench.row("select method from mart.fct_git_commits") == (method,)


def test_independent_signs_add_up(bench: Workbench) -> None:
    bench.take(
        *session(),  # type: ignore[arg-type]
        log("tool_result", 15, tool_name="Bash", is_git_commit=True),
        commit("a1", 15),
    )
    bench.build()
    # 1 - (1 - 0.90) * (1 - 0.45)
    assert bench.row("select confidence, evidence from intermediate.int_commit_session_links") == (
        Decimal("0.9450"),
        ["commit_tool_call", "window_live"],
    )


def test_a_trailer_names_the_agent_and_its_session_at_work(bench: Workbench) -> None:
    bench.take(*session(), commit("a1", 30), evidence(SHA, "agent_trailer", agent_type="claude_code"))  # type: ignore[arg-type]
    bench.build()
    assert bench.rows(JUDGED) == [("a1", "assisted", Decimal("0.9000"), "agent_trailer", "claude_code", "s1")]
    # 1 - (1 - 0.70) * (1 - 0.45)
    assert bench.row("select confidence from intermediate.int_commit_session_links") == (Decimal("0.8350"),)


def test_a_trailer_without_any_session_still_names_the_agent(bench: Workbench) -> None:
    bench.take(commit("a1", 30), evidence(SHA, "agent_trailer", agent_type="codex"))
    bench.build(every_test=True)
    assert bench.rows(JUDGED) == [("a1", "assisted", Decimal("0.9000"), "agent_trailer", "codex", None)]


def test_a_trailer_of_another_agent_does_not_take_the_session(bench: Workbench) -> None:
    bench.take(*session(), commit("a1", 30), evidence(SHA, "agent_trailer", agent_type="codex"))  # type: ignore[arg-type]
    bench.build()
    assert bench.rows(JUDGED) == [("a1", "assisted", Decimal("0.9000"), "agent_trailer", "codex", None)]


def test_the_clients_hint_is_evidence(bench: Workbench) -> None:
    bench.take(
        request(0),
        commit("a1", 7200, source="api", agent_assisted=True, agent_session_id="s1", agent_type="claude_code"),
    )
    bench.build()
    assert bench.rows(JUDGED) == [("a1", "assisted", Decimal("0.9500"), "client_hint", "claude_code", "s1")]


def test_late_telemetry_links_again(bench: Workbench) -> None:
    bench.take(commit("a1", 30))
    bench.build()
    assert bench.rows(JUDGED) == [("a1", "unknown", None, None, None, None)]
    bench.take(*session())  # type: ignore[arg-type]
    bench.build()
    assert bench.rows(JUDGED) == [("a1", "possible", Decimal("0.4500"), "window_live", "claude_code", "s1")]


def test_the_authors_address_decides_whose_commit_it_is(bench: Workbench) -> None:
    bench.take(
        commit("a1", author_email="Bob@ACME.dev", developer_id="alice", source="watch"),
        commit("b2", author_email=None, developer_id="alice", source="hook"),
        commit("c3", author_email="carol@home.example", developer_id="carol", source="hook"),
        rows(
            "developer_identities",
            developer_id="bob",
            kind="email",
            value="bob@acme.dev",
            source="alias",
            removed=False,
        ),
    )
    bench.build()
    assert bench.rows("select developer_id from mart.fct_git_commits order by commit_hash") == [
        ("bob",),
        ("alice",),
        ("carol",),
    ]
    assert bench.rows("select developer_id, emails from mart.dim_developers order by 1") == [
        ("alice", []),
        ("bob", ["bob@acme.dev"]),
        ("carol", ["carol@home.example"]),
        ("unknown", []),
    ]


def test_links_go_over_to_the_commit_that_an_amend_or_a_rebase_made(bench: Workbench) -> None:
    old, amended, rebased, human = (letter * 40 for letter in "abcd")
    bench.take(
        request(0),
        context(0, project_id=PROJECT),
        commit(old, 5),
        evidence(old, "hook_environment", agent_type="claude_code", session_id="s1"),
        commit(amended, 4000),
        evidence(amended, "rewritten_from", value=old),
        commit(rebased, 80_000),
        evidence(rebased, "rewritten_from", value=amended),
        commit(human, 80_001),
    )
    bench.build()
    links = "select commit_hash, session_id, method from intermediate.int_commit_session_links order by 1"
    assert bench.rows(links) == [(rebased, "s1", "hook_environment")]
    assert bench.row("select commit_count from mart.fct_sessions") == (1,)
    assert bench.row("select attribution from mart.fct_git_commits where commit_hash = ?", rebased) == ("assisted",)


def test_a_squash_has_the_links_of_all_that_went_into_it(bench: Workbench) -> None:
    first, second, squashed = (letter * 40 for letter in "abc")
    told = {"agent_type": "claude_code"}
    bench.take(
        request(0),
        request(0, session_id="s2"),
        commit(first, 5),
        commit(second, 6),
        evidence(first, "hook_environment", session_id="s1", **told),
        evidence(second, "hook_environment", session_id="s2", **told),
        evidence(squashed, "rewritten_from", value=first),
        evidence(squashed, "rewritten_from", value=second),
        # A commit that nobody reported takes nothing over.
        evidence("f" * 40, "rewritten_from", value=first),
        commit(squashed, 90_000),
    )
    bench.build()
    links = "select commit_hash, session_id from intermediate.int_commit_session_links order by 2"
    assert bench.rows(links) == [(squashed, "s1"), (squashed, "s2")]
