"""Whom names mean: aliases, merges, their undoing, chains and circles; and addresses that are one person's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from engine.modelrunner.live import LiveLoop
from engine.store.rows import RawRows
from tests.models.raw import at, commit, log, request, rows
from tests.models.workbench import Workbench, merged, project


class Running:
    """A database whose models follow what arrives."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.loop = LiveLoop(project(json.dumps(bench.variables)), bench.database.cursor)
        self.loop.start()
        self._said = 0

    def take(self, *told: RawRows) -> None:
        self.bench.take(merged(told))
        self.bench.take_names()
        self.loop.refresh()

    def say(self, value: str, developer: str, kind: str = "developer", *, removed: bool = False) -> None:
        """That a name means a developer, or no longer."""
        self._said += 1
        self.take(
            rows(
                "developer_identities",
                received_at=at(self._said),
                developer_id=developer,
                kind=kind,
                value=value,
                source="alias",
                removed=removed,
            )
        )

    def people(self) -> dict[str, list[str]]:
        """Whose sessions, commits and ledger rows there are, by table."""
        tables = ("fct_sessions", "fct_git_commits", "fct_commit_costs", "fct_tool_usage", "fct_daily_usage")
        return {
            table: [name for (name,) in self.bench.rows(f"select distinct developer_id from mart.{table} order by 1")]
            for table in tables
        }

    def owners(self) -> set[str]:
        """Everybody in any of them."""
        return {name for names in self.people().values() for name in names}


@pytest.fixture
def running(bench: Workbench) -> Iterator[Running]:
    """Alice at home, under her login and at work: each with a session, a call of a tool and a commit."""
    made = Running(bench)
    for number, name in enumerate(("alice@home.dev", "alice-login", "alice@acme.dev")):
        who: dict[str, Any] = {"session_id": f"s{number}", "developer_id": name}
        made.take(
            request(number, **who),
            log("tool_result", number + 1, tool_name="Edit", tool_use_id=f"t{number}", success=True, **who),
            commit(f"a{number}", number + 2, author_email=name if "@" in name else "alice@old.dev"),
        )
    yield made
    made.loop.close()


def full(running: Running) -> dict[str, list[tuple[Any, ...]]]:
    """What a full build makes of the same rows."""
    running.loop.rebuild()
    return running.bench.snapshot()


def assert_kept(running: Running) -> None:
    kept = running.bench.snapshot()
    for name, wanted in full(running).items():
        assert kept[name] == wanted, name


def test_a_merge_and_its_undoing_leave_every_table_as_it_was(running: Running) -> None:
    before = running.bench.snapshot()
    running.say("alice@home.dev", "alice@acme.dev")
    assert "alice@home.dev" not in running.owners()
    assert_kept(running)
    running.say("alice@home.dev", "alice@acme.dev", removed=True)
    after = running.bench.snapshot()
    for name, wanted in before.items():
        assert after[name] == wanted, name


def test_names_of_a_merged_developer_go_along_and_come_back(running: Running) -> None:
    running.say("alice-login", "alice@home.dev", "login")
    running.say("alice@old.dev", "alice@home.dev", "email")
    assert running.owners() == {"alice@home.dev", "alice@acme.dev"}
    before = running.bench.snapshot()
    running.say("alice@home.dev", "alice@acme.dev")
    assert running.owners() == {"alice@acme.dev"}
    assert running.bench.rows("select emails from mart.dim_developers where developer_id = 'alice@acme.dev'") == [
        (["alice@acme.dev", "alice@home.dev", "alice@old.dev"],)
    ]
    assert_kept(running)
    running.say("alice@home.dev", "alice@acme.dev", removed=True)
    after = running.bench.snapshot()
    for name, wanted in before.items():
        assert after[name] == wanted, name


def test_chains_are_followed_whatever_link_came_last(running: Running) -> None:
    running.say("alice@home.dev", "alice@acme.dev")
    running.say("alice@acme.dev", "alice@new.dev")
    running.say("alice-login", "alice@home.dev", "login")
    running.say("alice@old.dev", "alice-login", "email")
    assert running.owners() == {"alice@new.dev"}
    assert_kept(running)
    running.say("alice@acme.dev", "alice@new.dev", removed=True)
    assert running.owners() == {"alice@acme.dev"}
    assert_kept(running)


def test_a_circle_is_one_person_and_ends_nothing(running: Running) -> None:
    for value, developer in (
        ("alice@home.dev", "alice@acme.dev"),
        ("alice@acme.dev", "alice-login"),
        ("alice-login", "alice@home.dev"),
        ("alice@old.dev", "alice-login"),
    ):
        running.say(value, developer)
    assert running.owners() == {"alice-login"}
    assert_kept(running)
    running.say("alice-login", "alice@home.dev", removed=True)
    assert running.owners() == {"alice-login"}
    assert_kept(running)
    running.say("alice@home.dev", "alice@acme.dev", removed=True)
    assert running.owners() == {"alice-login", "alice@home.dev"}


def test_a_name_may_mean_itself(running: Running) -> None:
    running.say("alice@home.dev", "alice@home.dev", "email")
    assert running.owners() == {"alice@home.dev", "alice-login", "alice@old.dev", "alice@acme.dev"}


def test_addresses_with_a_plus_are_the_one_without(running: Running) -> None:
    running.take(
        request(50, session_id="s5", developer_id="alice+tools@acme.dev"),
        log("tool_result", 51, tool_name="Edit", session_id="s5", developer_id="alice+tools@acme.dev"),
        request(60, session_id="s6", developer_id=None, user_email="Alice+Claude@acme.dev"),
        commit("a5", 52, author_email="Alice+git@acme.dev"),
    )
    known = {"alice@home.dev", "alice-login", "alice@old.dev", "alice@acme.dev"}
    assert running.owners() == known
    running.say("alice+claude@acme.dev", "bob@acme.dev", "email")
    assert running.owners() == known - {"alice@acme.dev"} | {"bob@acme.dev"}
    assert_kept(running)
    running.say("alice+claude@acme.dev", "bob@acme.dev", "email", removed=True)
    assert running.owners() == known
    assert_kept(running)


def test_addresses_of_github_are_one_and_mean_the_login(running: Running) -> None:
    running.take(
        commit("b1", 70, author_email="1234+Octo-Alice@users.noreply.github.com"),
        commit("b2", 71, author_email="octo-alice@users.noreply.github.com"),
    )
    known = {"alice@home.dev", "alice-login", "alice@old.dev", "alice@acme.dev"}
    assert running.owners() == known | {"octo-alice@users.noreply.github.com"}
    running.say("octo-alice", "alice@acme.dev", "login")
    assert running.owners() == known
    assert_kept(running)
    running.say("octo-alice", "alice@acme.dev", "login", removed=True)
    assert running.owners() == known | {"octo-alice@users.noreply.github.com"}
    assert_kept(running)
