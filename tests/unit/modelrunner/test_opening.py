"""What a target asks of its connection: extensions, settings, secrets, further databases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from engine.modelrunner.opening import attach_sql, prepare, refuse, secret_sql
from engine.modelrunner.problems import ParseProblem
from engine.modelrunner.profile import Target


def _target(**values: Any) -> Target:
    return Target(
        "toy", "dev", values.pop("path", ":memory:"), "main", "memory",
        settings=values.pop("settings", {}), attach=tuple(values.pop("attach", ())), values=values,
    )  # fmt: skip


def _prepared(**values: Any) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    prepare(connection, _target(**values))
    return connection


def _setting(connection: duckdb.DuckDBPyConnection, name: str) -> Any:
    row = connection.execute("select current_setting(?)", [name]).fetchone()
    return None if row is None else row[0]


def test_settings_and_options_are_set() -> None:
    connection = _prepared(
        settings={"threads": 1, "TimeZone": "Europe/Berlin"}, config_options={"max_expression_depth": 99}
    )
    assert _setting(connection, "threads") == 1
    assert _setting(connection, "TimeZone") == "Europe/Berlin"
    assert _setting(connection, "max_expression_depth") == 99


def test_a_database_is_attached_under_its_alias_and_may_be_read_only(tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "other.duckdb")).execute("create table t as select 7 as a").close()
    attached = {"path": str(tmp_path / "other.duckdb"), "alias": "oth", "read_only": True}
    connection = _prepared(attach=[attached])
    assert connection.execute("select a from oth.t").fetchall() == [(7,)]
    with pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("create table oth.u(a int)")


@pytest.mark.parametrize(
    ("attached", "expected"),
    [
        ({"path": "a.db"}, "attach if not exists 'a.db'"),
        ({"path": "it's.db", "alias": "x", "type": "sqlite"}, "attach if not exists 'it''s.db' as x (type sqlite)"),
        (
            {"path": "a", "options": {"data_path": "p q", "encrypted": True, "off": False, "n": 3}},
            "attach if not exists 'a' (data_path 'p q', encrypted, n 3)",
        ),
        ({"path": "a", "secret": "s", "read_only": False}, "attach if not exists 'a' (secret s)"),
    ],
)
def test_attaching_is_one_statement(attached: Mapping[str, Any], expected: str) -> None:
    assert attach_sql(attached) == expected


def test_an_option_given_twice_or_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ParseProblem, match="given twice"):
        attach_sql({"path": "a", "type": "sqlite", "options": {"type": "duckdb"}})
    with pytest.raises(ParseProblem, match="is no name"):
        attach_sql({"path": "a", "alias": "x; drop table t"})


def test_a_secret_is_one_statement() -> None:
    secret = {"type": "s3", "name": "mine", "key_id": "k", "secret": "it's", "scope": ["s3://a", "s3://b"]}
    assert secret_sql(secret, 0) == (
        "create or replace secret mine (type 's3', key_id 'k', secret 'it''s', scope ['s3://a', 's3://b'])"
    )


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"settings": {"no_such_setting": 1}}, "setting 'no_such_setting'"),
        ({"attach": [{"path": "/no/such/folder/a.db"}]}, "database '/no/such/folder/a.db'"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], what: str) -> None:
    with pytest.raises(ParseProblem, match=what):
        _prepared(**values)


@pytest.mark.parametrize(
    "values", [{"plugins": [{"module": "excel"}]}, {"filesystems": [{"fs": "s3"}]}, {"path": "md:x"}]
)
def test_what_there_is_not_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ParseProblem, match="not supported"):
        refuse(_target(**values))
