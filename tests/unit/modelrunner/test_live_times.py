"""Times of touched keys: what a refresh need not read, it does not miss."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.modelrunner.live import LiveLoop

from .conftest import Toy

TOUCHED = """
{% macro touched(name, key, time=none) %}
{%- if var('aa_touched', false) -%}
  {{ key }} in (select key from aa_touched_{{ name }})
  {%- if time %}{% set window = "getvariable('aa_window_" ~ name ~ "')" %}
  and {{ time }} between {{ window }}.low and {{ window }}.high
  and ({{ time }} <= {{ window }}.before or {{ time }} >= {{ window }}.after)
  {%- endif %}
{%- else -%}true{%- endif -%}
{% endmacro %}
"""
FILES = {
    "macros/touched.sql": TOUCHED,
    "models/sources.yml": """
version: 2
sources:
  - name: raw
    tables:
      - name: points
        meta: {aa: {touches: {session: "coalesce(session_id, '')"}, times: [began, ended]}}
      - name: notes
        meta: {aa: {touches: {session: session_id}}}
""",
    "models/points.sql": """
{{ config(materialized='incremental', unique_key='session_key', incremental_strategy='delete+insert',
          meta={'aa': {'touched_by': 'session', 'key': 'session_key', 'time': 'ts',
                       'touches': {'day': 'cast(cast(ts as date) as varchar)'}}}) }}
select coalesce(session_id, '') as session_key, coalesce(ended, began) as ts, value,
    -- Every row of a session depends on all its rows.
    sum(value) over (partition by session_id) as total
from {{ source('raw', 'points') }}
where {{ touched('session', "coalesce(session_id, '')", 'began') }}
""",
    "models/sessions.sql": """
{{ config(materialized='incremental', unique_key='session_key', incremental_strategy='delete+insert',
          meta={'aa': {'touched_by': 'session', 'key': 'session_key'}}) }}
select p.session_key, count(*) as points, min(p.ts) as first_at, max(p.ts) as last_at,
    (select count(*) from {{ source('raw', 'notes') }} as n where n.session_id = p.session_key) as notes
from {{ ref('points') }} as p
where {{ touched('session', 'p.session_key', 'p.ts') }}
group by p.session_key
""",
    "models/days.sql": """
{{ config(materialized='incremental', unique_key='day', incremental_strategy='delete+insert',
          meta={'aa': {'touched_by': 'day', 'key': 'cast(day as varchar)'}}) }}
select cast(ts as date) as day, sum(value) as value from {{ ref('points') }}
where {{ touched('day', 'cast(cast(ts as date) as varchar)') }}
group by 1
""",
    # Pairs of sessions are always refreshed together: keys come that no new row touched.
    "macros/more.sql": """
{% macro touched_more__points() %}
select distinct 'session' as set_name, 'b' as key from aa_touched_session where key = 'a'
{% endmacro %}
{% macro touched_more__points__never() %}
select 'nothing', error('asked although no key was touched') from aa_touched_color
{% endmacro %}
{% macro touched_more__sessions__all() %}
select 'session', session_key from {{ ref('points') }}
where {{ touched('color', "'red'") }}
{% endmacro %}
""",
}
RAW = """
create schema raw; create schema ops;
create table ops.batches (batch_id bigint);
create table raw.points
    (batch_id bigint, session_id varchar, began timestamptz not null, ended timestamptz, value bigint);
create table raw.notes (batch_id bigint, session_id varchar);
"""
Point = tuple[str | None, float, float | None, int]


class Live:
    """The toy's loop; points are (session, day it began, day it ended or None, value)."""

    def __init__(self, toy: Toy) -> None:
        self.toy = toy.write(FILES)
        self.database = toy.connect()
        self.database.execute("set timezone = 'UTC'")
        self.database.execute(RAW)
        self.batch = 0
        self.loop = LiveLoop(toy.load(), self.database.cursor)

    def arrive(self, points: Iterable[Point] = (), notes: Iterable[str] = ()) -> None:
        self.batch += 1
        writer = self.database.cursor()
        for session, began, ended, value in points:
            writer.execute(
                "insert into raw.points select ?, ?, timestamptz '2026-01-01 00:00:00+00' + to_hours(?),"
                " timestamptz '2026-01-01 00:00:00+00' + to_hours(?), ?",
                [self.batch, session, int(began * 24), None if ended is None else int(ended * 24), value],
            )
        for session in notes:
            writer.execute("insert into raw.notes values (?, ?)", [self.batch, session])
        writer.execute("insert into ops.batches values (?)", [self.batch])

    def refresh(self, points: Iterable[Point] = (), notes: Iterable[str] = ()) -> None:
        self.arrive(points, notes)
        self.loop.refresh()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.database.cursor().execute(sql).fetchall()

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every model's rows, sorted; instants as text."""
        return {
            name: sorted(self.rows(f"select columns(*)::varchar from {name}"), key=repr)
            for name in ("points", "sessions", "days")
        }

    def close(self) -> None:
        self.loop.close()
        self.database.close()


@pytest.fixture
def live(toy: Toy) -> Iterator[Live]:
    found = Live(toy)
    found.loop.start()
    yield found
    found.close()


def test_an_old_session_that_goes_on_is_found_whole(live: Live) -> None:
    live.refresh([("a", -300, None, 1), ("c", -150, None, 1)])
    live.refresh([("c", 0, None, 1)])
    live.refresh([("a", 1, None, 10)])
    assert live.rows("select session_key, points from sessions order by 1") == [("a", 2), ("c", 2)]
    assert live.rows("select distinct total from points where session_key = 'a'") == [(11,)]


def test_times_are_known_after_a_restart(live: Live) -> None:
    live.refresh([("a", -300, None, 1)])
    live.loop.close()
    live.loop = LiveLoop(live.toy.load(), live.database.cursor)
    live.loop.start()
    live.refresh([("a", 1, None, 10)])
    assert live.rows("select points from sessions") == [(2,)]


def test_late_rows_widen_the_times_of_a_session(live: Live) -> None:
    live.refresh([("a", 0, None, 1)])
    live.refresh([("a", -200, None, 1)])
    live.refresh([("a", 0, 400, 1)])
    live.refresh([("a", 100, None, 1)])
    assert live.rows("select points, cast(last_at - first_at as varchar) from sessions") == [(4, "600 days")]


def test_rows_that_stand_for_an_end_are_found_by_it(live: Live) -> None:
    live.refresh([("a", 10, 5, 1), ("d", 10, None, 1)])
    live.refresh([("a", 10, None, 1)])
    assert live.rows("select count(*) from points where session_key = 'a'") == [(2,)]


def test_keys_without_times_are_no_error(live: Live) -> None:
    live.refresh(notes=["nobody"])
    live.refresh([("a", 0, None, 1)], notes=["a"])
    live.refresh(notes=["a"])
    assert live.rows("select session_key, notes from sessions") == [("a", 2)]


def test_a_failed_refresh_forgets_no_times(live: Live) -> None:
    live.refresh([("a", 0, None, 1)])
    live.arrive([("a", -200, None, 2)])
    writer = live.database.cursor()
    writer.execute("alter table sessions rename to hidden")
    with pytest.raises(Exception, match="sessions"):
        live.loop.refresh()
    writer.execute("alter table hidden rename to sessions")
    live.loop.refresh()
    live.refresh([("a", 1, None, 3)])
    assert live.rows("select points from sessions") == [(3,)]


POINT = st.tuples(
    st.sampled_from(["a", "b", "c", "d", None]),
    st.sampled_from([-4000.0, -400.0, -31.0, -1.0, 0.0, 0.5, 1.0, 40.0]),
    st.sampled_from([None, None, None, -399.0, 0.25, 2.0, 900.0]),
    st.integers(1, 3),
)
SCHEDULE = st.lists(
    st.tuples(st.lists(POINT, max_size=3), st.lists(st.sampled_from(["a", "z"]), max_size=1), st.booleans()), max_size=7
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEDULE)
def test_refreshes_in_any_order_of_times_equal_a_full_build(
    schedule: list[tuple[list[Point], list[str], bool]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        live = Live(Toy(Path(folder)))
        try:
            live.loop.start()
            for points, notes, refresh in schedule:
                live.arrive(points, notes)
                if refresh:
                    live.loop.refresh()
            live.loop.refresh()
            kept = live.state()
            live.loop.rebuild()
            assert kept == live.state()
        finally:
            live.close()
