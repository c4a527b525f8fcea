"""A connection that is alone reads the catalogue once, and knows what became of it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from engine.modelrunner.database import Connection
from engine.modelrunner.known_relations import KnownRelations
from engine.modelrunner.problems import NodeProblem


@pytest.fixture
def alone() -> Iterator[Connection]:
    raw = duckdb.connect()
    raw.execute("create table Old as select 1 as x; create view seen as select 2 as x")
    connection = Connection(raw, known=KnownRelations())
    assert kind(connection, "old") == "table"
    yield connection
    raw.close()


def kind(connection: Connection, name: str) -> str | None:
    found = connection.relation("memory", "main", name)
    return None if found is None else found.type


def test_names_are_found_whatever_their_case_and_given_as_they_are(alone: Connection) -> None:
    found = alone.relation("MEMORY", "Main", "OLD")
    assert found is not None
    assert (found.identifier, found.type) == ("Old", "table")


@pytest.mark.parametrize(
    ("statement", "name", "now"),
    [
        ('create or replace table "memory"."main"."new" as (\nselect 1 as x -- one; or two\n);', "new", "table"),
        ('create or replace view "memory"."main"."new""s" as (\nselect 1 as x\n);', 'new"s', "view"),
        ('create or replace table "memory"."main"."fresh" (x integer)', "fresh", "table"),
        ("drop view if exists seen cascade", "seen", None),
        ("alter table old rename to older", "old", None),
        ("alter table old rename to older", "older", "table"),
        ("insert into old values (2); create table more as select 3 as x", "more", "table"),
        ("/* select */ drop table old", "old", None),
        ('create or replace temporary table "passing" as (\nselect 1 as x\n);', "passing", None),
        ("insert into old values (2)", "old", "table"),
    ],
)
def test_what_a_statement_does_is_known(alone: Connection, statement: str, name: str, now: str | None) -> None:
    alone.execute(statement)
    assert kind(alone, name) == now


def test_what_was_undone_is_forgotten(alone: Connection) -> None:
    def make_and_fail() -> None:
        with alone.transaction():
            alone.execute('create or replace table "memory"."main"."new" as (\nselect 1 as x\n);')
            assert kind(alone, "new") == "table"
            raise ValueError

    with pytest.raises(ValueError):
        make_and_fail()
    assert kind(alone, "new") is None


def test_what_failed_was_not_made(alone: Connection) -> None:
    with pytest.raises(NodeProblem):
        alone.execute('create or replace table "memory"."main"."new" as (\nselect nothing\n);')
    assert kind(alone, "new") is None


def test_one_that_is_not_alone_asks_each_time() -> None:
    raw = duckdb.connect()
    connection = Connection(raw)
    assert kind(connection, "made") is None
    raw.execute("create table made as select 1 as x")
    assert kind(connection, "made") == "table"
    raw.close()
