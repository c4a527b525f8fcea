"""What a filter finds in a real table, and that nothing of its text becomes SQL."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.filters.errors import FilterError
from engine.filters.fields import FIELDS, names
from engine.filters.parse import parse
from engine.filters.times import begins, read_moment
from engine.filters.to_sql import Target, compile_filter, time_range

NOW = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
TARGETS = {
    "dev": Target(("developer_id", "developer_name")),
    "agent": Target(("agent_type",)),
    "model": Target(("item",), around="len(list_filter(models, lambda item: {})) > 0"),
    "team": Target(("branch",), also=(Target(("tool_name",), around="name in (select session from tools where {})"),)),
    "tool": Target(("tool_name",), around="name in (select session from tools where {})"),
    "cost": Target(("cost_usd",)),
    "dur": Target(("duration_seconds",)),
    "assisted": Target(("attribution",)),
    "sha": Target(("sha",)),
    "branch": Target(("branch",)),
    "since": Target(("ended",)),
    "until": Target(("started",)),
}
BY_DAY = {"since": Target(("day",), by_day=True), "until": Target(("day",), by_day=True)}
WORDS = Target(("name", "developer_name", "branch", "array_to_string(models, ' ')"))

ROWS = """
select * from (values
  ('a', 'alice@example.org', 'Alice Liddell', 'claude_code', ['claude-opus-4-5'], 5.000000000000::decimal(38,12), 600,
   'assisted', '9f2c1abc', 'main', '2026-11-05 08:00:00Z'::timestamptz,
   '2026-11-05 09:00:00Z'::timestamptz, '2026-11-05'::date),
  ('b', 'bob@example.org', 'Bob', 'codex', ['gpt-5.6', 'gpt-5.6-mini'], 0.5, 60,
   'none', '41d00e70', 'feat/re_funds', '2026-11-01 08:00:00Z', '2026-11-04 09:00:00Z', '2026-11-04'),
  ('c', null, null, 'other', [], null, null,
   'unknown', '9f000000', null, '2026-10-01 08:00:00Z', '2026-10-30 08:00:00Z', '2026-10-30'),
  ('d', '100%@example.org', 'İnal O''Neil', 'github_copilot', null, 7.25, 5400,
   'possible', 'abcdef00', 'x', '2026-10-01 08:00:00Z', '2026-10-30 23:00:00Z', '2026-10-31')
) as row(name, developer_id, developer_name, agent_type, models, cost_usd, duration_seconds, attribution, sha, branch,
         started, ended, day)
"""


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"create table sessions as {ROWS}")
    connection.execute(
        "create table tools as select * from (values ('a', 'Bash'), ('b', 'Edit')) t(session, tool_name)"
    )
    return connection


def found(database: duckdb.DuckDBPyConnection, text: str, by_day: bool = False) -> str:
    targets = TARGETS | BY_DAY if by_day else TARGETS
    condition = compile_filter(parse(text), targets, WORDS, view="sessions", now=NOW, zone=ZONE)
    sql = f"select name from sessions where {condition.sql} order by name"
    return "".join(name for (name,) in database.execute(sql, dict(condition.parameters)).fetchall())


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", "abcd"),
        ("dev:alice@example.org", "a"),
        ("dev:ALICE*", "a"),
        ("dev:bob", "b"),
        ('dev:"alice liddell",bob', "ab"),
        ("dev:alice", ""),
        ("dev:none", "c"),
        ("dev:*", "abd"),
        ("-dev:*", "c"),
        ("-dev:bob", "acd"),
        ("agent:claude", "a"),
        ("agent:copilot,codex", "bd"),
        ("model:gpt*mini", "b"),
        ("model:claude*", "a"),
        ("-model:gpt*", "acd"),
        ("tool:bash", "a"),
        ("-tool:*", "cd"),
        ("team:main", "a"),
        ("team:edit", "b"),
        ("team:main,edit", "ab"),
        ("-team:main,edit", "cd"),
        ("team:none", "c"),
        ("team:*", "abd"),
        ("cost>5", "d"),
        ("cost>=5", "ad"),
        ("cost:$5", "a"),
        ("cost:5,7.25", "ad"),
        ("cost:none", "c"),
        ("-cost>5", "abc"),
        ("dur>1m", "ad"),
        ("dur<=10m", "ab"),
        ("assisted:yes", "a"),
        ("assisted:no", "b"),
        ("-assisted:yes", "bcd"),
        ("sha:9f", "ac"),
        ("sha:9F2C1AB", "a"),
        ("branch:feat/*", "b"),
        ("since:24h", "a"),
        ("since:2d", "ab"),
        ("since:2026-11-01 until:2026-11-01", "b"),
        ("until:2026-10-31", "cd"),
        ("liddell", "a"),
        ("GPT", "b"),
        ("-gpt", "acd"),
        ("alice,bob", "ab"),
        ("re_fund", "b"),
        ("re%fund", ""),
        ("re*fund", "b"),
        ("dev:100%*", "d"),
        ("dev:1%*", ""),
        (r'dev:"10\*"', ""),
        ("dev:*o'neil", "d"),
        ("dev:bob cost<1 -agent:codex", ""),
    ],
)
def test_what_a_filter_finds(database: duckdb.DuckDBPyConnection, text: str, rows: str) -> None:
    assert found(database, text) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("since:today", "a"),
        ("since:15m", "a"),
        ("since:24h", "ab"),
        ("since:2026-10-31 until:2026-11-04", "bd"),
        ("until:2026-10-30", "c"),
        ("until:2d", "cd"),
    ],
)
def test_a_column_of_days_is_compared_by_day(database: duckdb.DuckDBPyConnection, text: str, rows: str) -> None:
    assert found(database, text, by_day=True) == rows


def test_a_field_that_the_view_lacks_is_an_error_at_the_term() -> None:
    with pytest.raises(FilterError) as raised:
        compile_filter(parse("dev:bob ticket:web"), TARGETS, WORDS, view="sessions", now=NOW, zone=ZONE)
    assert raised.value.column == 9
    assert raised.value.line().startswith(
        "filter, column 9: sessions has no field ticket; it has agent, assisted, branch"
    )


def test_the_range_is_the_narrowest_of_all_terms() -> None:
    span = time_range(parse("since:7d since:24h until:2026-11-05"), NOW, ZONE)
    day = read_moment("24h")
    assert day is not None
    assert span.since == begins(day, NOW, ZONE)
    assert span.until == datetime(2026, 11, 5, 23, 0, tzinfo=UTC)


hostile = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["'; drop table sessions; --", "' or '1'='1", "\\' or true --", "$f1", "{}", "/*", "%", "_", "\\"]),
)
ALLOWED = re.compile(
    r"\$f\d+|[a-z_]+|<=|>=|[()<>=,:0-9']|\s|'\\'", re.ASCII
)  # the words of our own SQL: no literal of the user's can hide in it


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([None, *FIELDS]), hostile), min_size=1, max_size=3))
def test_no_text_of_the_user_reaches_the_sql(terms: list[tuple[object, str]]) -> None:
    marked = []
    for field, text in terms:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        head = "" if field is None else f"{field.name}:"  # type: ignore[attr-defined]
        marked.append(f'{head}"zqx{quoted}"')
    everything = {name: Target(("column_of_ours",)) for name in names()}
    try:
        tree = parse(" ".join(marked))
    except FilterError:
        return
    condition = compile_filter(tree, everything, Target(("column_of_ours",)), view="v", now=NOW, zone=ZONE)
    assert "zqx" not in condition.sql
    assert set(re.findall(r"\$(\w+)", condition.sql)) == set(condition.parameters)
    without_escape = condition.sql.replace(r"escape '\'", "")
    assert "'" not in without_escape
    assert ALLOWED.sub("", without_escape) == ""


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["", "dev:", "model:", "branch:", "-sha:"]), hostile), min_size=1, max_size=3)
)
def test_every_parsed_filter_runs_and_destroys_nothing(
    database: duckdb.DuckDBPyConnection, terms: list[tuple[str, str]]
) -> None:
    try:
        found(database, " ".join(head + text for head, text in terms))
    except FilterError:
        pass
    assert database.execute("select count(*) from sessions").fetchall() == [(4,)]
