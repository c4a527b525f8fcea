"""The live loop: what a refresh does, and that it always equals a full build."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ModelError
from engine.modelrunner.live import LiveLoop

from .conftest import Toy

SOURCES = """
version: 2
sources:
  - name: raw
    tables:
      - name: requests
        meta: {aa: {touches: {session: "coalesce(session_id, '')"}}}
      - name: prices
      - name: notes
        meta: {aa: {touches: {}}}
"""
REQUESTS = """
{{ config(materialized='incremental', unique_key='session_key', incremental_strategy='delete+insert',
          meta={'aa': {'touched_by': 'session', 'key': 'session_key', 'touches': {'day': 'cast(day as varchar)'}}}) }}
select coalesce(r.session_id, '') as session_key, r.day, r.tokens, r.tokens * p.price as cost
from (
  select * from {{ source('raw', 'requests') }}
  {% if is_incremental() %} where {{ touched('session', "coalesce(session_id, '')") }} {% endif %}
  qualify row_number() over (partition by session_id, request order by batch_id) = 1
) as r
cross join {{ ref('price') }} as p
"""
FILES = {
    "macros/touched.sql": "{% macro touched(name, key) %}{% if var('aa_touched', false) %}{{ key }} in "
    "(select key from aa_touched_{{ name }}){% else %}true{% endif %}{% endmacro %}",
    "models/sources.yml": SOURCES,
    "models/price.sql": "select coalesce(max_by(price, batch_id), 1) as price from {{ source('raw', 'prices') }}",
    "models/stg_requests.sql": REQUESTS,
    "models/sessions.sql": """
{{ config(materialized='incremental', unique_key='session_key', incremental_strategy='delete+insert',
          meta={'aa': {'touched_by': 'session', 'key': 'session_key'}}) }}
select session_key, count(*) as requests, sum(tokens) as tokens, sum(cost) as cost from {{ ref('stg_requests') }}
{% if is_incremental() %} where {{ touched('session', 'session_key') }} {% endif %}
group by session_key
""",
    "models/days.sql": """
{{ config(materialized='incremental', unique_key='day', incremental_strategy='delete+insert',
          meta={'aa': {'touched_by': 'day', 'key': 'cast(day as varchar)'}}) }}
select day, count(distinct session_key) as sessions, sum(tokens) as tokens from {{ ref('stg_requests') }}
{% if is_incremental() %} where {{ touched('day', 'cast(day as varchar)') }} {% endif %}
group by day
""",
    "models/totals.sql": "{{ config(materialized='table') }} select sum(tokens) as tokens, sum(cost) as cost "
    "from {{ ref('sessions') }}",
    "models/note_count.sql": "select count(*) as n from {{ source('raw', 'notes') }}",
    "models/tests.yml": """
version: 2
models:
  - name: sessions
    columns:
      - name: session_key
        data_tests: [{unique: {config: {meta: {aa: {gate: true}}}}}]
  - name: stg_requests
    data_tests: [{never: {arguments: {condition: "tokens < 0"}, config: {meta: {aa: {gate: true}}}}}]
""",
    "macros/never.sql": "{% test never(model, condition) %}select * from {{ model }} where {{ condition }}"
    "{% endtest %}",
}
RAW = """
create schema raw; create schema ops;
create table ops.batches (batch_id bigint);
create table raw.requests (batch_id bigint, session_id varchar, request integer, day date, tokens bigint);
create table raw.prices (batch_id bigint, price bigint);
create table raw.notes (batch_id bigint, note varchar);
"""
MODELS = ("stg_requests", "sessions", "days", "totals", "price", "note_count")


class Live:
    """A toy project, its open database and its loop."""

    def __init__(self, toy: Toy) -> None:
        self.toy = toy.write(FILES)
        self.database = toy.connect()
        self.database.execute(RAW)
        self.batch = 0
        self.loop = LiveLoop(toy.load(), self.database.cursor)

    def arrive(
        self, requests: Iterable[tuple[Any, ...]] = (), price: int | None = None, note: str | None = None
    ) -> None:
        """One batch: requests are (session, request, day of January, tokens)."""
        self.batch += 1
        writer = self.database.cursor()
        writer.execute("begin")
        for session, request, day, tokens in requests:
            writer.execute(
                "insert into raw.requests values (?, ?, ?, make_date(2026, 1, ?), ?)",
                [self.batch, session, request, day, tokens],
            )
        if price is not None:
            writer.execute("insert into raw.prices values (?, ?)", [self.batch, price])
        if note is not None:
            writer.execute("insert into raw.notes values (?, ?)", [self.batch, note])
        writer.execute("insert into ops.batches values (?)", [self.batch])
        writer.execute("commit")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.database.cursor().execute(sql).fetchall()

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every model's rows, sorted."""
        return {name: sorted(self.rows(f"select * from {name}"), key=repr) for name in MODELS}

    def close(self) -> None:
        self.loop.close()
        self.database.close()


@pytest.fixture
def live(toy: Toy) -> Iterator[Live]:
    found = Live(toy)
    yield found
    found.close()


def test_the_first_start_builds_everything(live: Live) -> None:
    live.arrive([("a", 1, 1, 10)])
    built = live.loop.start()
    assert built is not None
    assert built.full
    assert live.rows("select * from sessions") == [("a", 1, 10, 10)]


def test_a_second_start_with_nothing_new_builds_nothing(live: Live) -> None:
    live.loop.start()
    assert live.loop.start() is None


def test_a_changed_project_is_built_again(live: Live) -> None:
    live.loop.start()
    live.toy.write({"models/note_count.sql": "select count(*) + 1 as n from {{ source('raw', 'notes') }}"})
    assert LiveLoop(live.toy.load(), live.database.cursor).start() is not None
    assert live.rows("select n from note_count") == [(1,)]


def test_other_variables_are_another_project(live: Live) -> None:
    assert live.toy.load(variables={"zone": "UTC"}).fingerprint != live.toy.load().fingerprint


def test_a_missing_table_is_built_again(live: Live) -> None:
    live.loop.start()
    live.database.cursor().execute("drop table sessions")
    assert live.loop.start() is not None


def test_without_a_new_batch_there_is_nothing_to_refresh(live: Live) -> None:
    live.loop.start()
    assert live.loop.refresh() is None


def test_a_batch_refreshes_the_touched_keys(live: Live) -> None:
    live.arrive([("a", 1, 1, 10), ("b", 1, 2, 5)])
    live.loop.start()
    live.arrive([("a", 2, 3, 7)])
    done = live.loop.refresh()
    assert done is not None
    assert done.batch_id == 2
    assert done.touched == {"session": ("a",), "day": ("2026-01-01", "2026-01-03")}
    assert sorted(live.rows("select * from sessions")) == [("a", 2, 17, 17), ("b", 1, 5, 5)]
    assert live.rows("select tokens from totals") == [(22,)]


def test_several_batches_are_refreshed_at_once(live: Live) -> None:
    live.loop.start()
    live.arrive([("a", 1, 1, 1)])
    live.arrive([("b", 1, 1, 2)])
    done = live.loop.refresh()
    assert done is not None
    assert done.touched["session"] == ("a", "b")
    assert live.loop.refresh() is None


def test_rows_without_a_key_keep_their_own_key(live: Live) -> None:
    live.loop.start()
    live.arrive([(None, 1, 1, 4)])
    live.loop.refresh()
    assert live.rows("select session_key, tokens from sessions") == [("", 4)]


def test_models_that_nothing_touches_are_not_run(live: Live) -> None:
    live.loop.start()
    live.arrive(note="hello")
    done = live.loop.refresh()
    assert done is not None
    assert done.models == ()
    assert live.rows("select n from note_count") == [(1,)]


def test_a_source_that_does_not_say_what_it_touches_rebuilds_its_readers(live: Live) -> None:
    live.arrive([("a", 1, 1, 10), ("b", 1, 2, 5)], price=1)
    live.loop.start()
    live.arrive(price=3)
    done = live.loop.refresh()
    assert done is not None
    assert "model.toy.stg_requests" in done.models
    assert sorted(live.rows("select session_key, cost from stg_requests")) == [("a", 30), ("b", 15)]


def test_a_failing_gate_undoes_the_refresh_and_is_recorded(live: Live) -> None:
    live.arrive([("a", 1, 1, 10)])
    live.loop.start()
    before = live.state()
    live.arrive([("a", 2, 1, -1)])
    with pytest.raises(ModelError, match="never_stg_requests"):
        live.loop.refresh()
    assert live.state() == before
    assert live.rows("select count(*) from ops.model_runs where status = 'error'") == [(1,)]
    assert live.rows("select batch_id from ops.model_watermark") == [(1,)]


def test_after_a_failed_refresh_the_next_one_covers_both_batches(live: Live) -> None:
    live.loop.start()
    live.arrive([("a", 1, 1, -1)])
    with pytest.raises(ModelError):
        live.loop.refresh()
    live.database.cursor().execute("delete from raw.requests where tokens < 0")
    live.arrive([("b", 1, 1, 3)])
    done = live.loop.refresh()
    assert done is not None
    assert live.rows("select session_key from sessions") == [("b",)]


def test_a_failing_gate_undoes_a_full_build(live: Live) -> None:
    live.arrive([("a", 1, 1, -1)])
    with pytest.raises(ModelError, match="never_stg_requests"):
        live.loop.start()
    assert live.rows("select count(*) from duckdb_tables() where table_name = 'sessions'") == [(0,)]
    assert live.rows("select count(*) from ops.model_runs where status = 'fail'") == [(1,)]


def test_a_reader_with_an_open_transaction_sees_one_build(live: Live) -> None:
    live.arrive([("a", 1, 1, 10)])
    live.loop.start()
    reader = live.database.cursor()
    reader.execute("begin")
    assert reader.execute("select tokens from totals").fetchall() == [(10,)]
    live.arrive([("a", 2, 1, 5)])
    live.loop.refresh()
    assert reader.execute("select sum(tokens) from sessions").fetchall() == [(10,)]
    reader.execute("commit")
    assert reader.execute("select sum(tokens) from sessions").fetchall() == [(15,)]


def test_rows_appended_during_a_refresh_belong_to_the_next_one(live: Live) -> None:
    live.loop.start()
    live.arrive([("a", 1, 1, 1)])
    appender = live.database.cursor()
    appender.execute("begin")
    appender.execute("insert into raw.requests values (2, 'b', 1, date '2026-01-01', 2)")
    appender.execute("insert into ops.batches values (2)")
    first = live.loop.refresh()
    appender.execute("commit")
    second = live.loop.refresh()
    assert first is not None
    assert second is not None
    assert (first.batch_id, second.batch_id) == (1, 2)
    assert second.touched["session"] == ("b",)


def test_each_node_leaves_its_rows_and_time(live: Live) -> None:
    live.arrive([("a", 1, 1, 1)])
    live.loop.start()
    found = dict(live.rows("select node, row_count from ops.model_runs where starts_with(run_id, 'build-1-')"))
    assert found["model.toy.stg_requests"] == 1


BATCH = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(1, 3), st.integers(1, 4), st.integers(0, 100)),
    max_size=4,
)
SCHEDULE = st.lists(st.tuples(BATCH, st.none() | st.integers(1, 3), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEDULE)
def test_refreshing_by_touched_keys_equals_a_full_build(schedule: list[tuple[Any, Any, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        live = Live(Toy(Path(folder)))
        try:
            live.loop.start()
            for requests, price, refresh in schedule:
                live.arrive(requests, price)
                if refresh:
                    live.loop.refresh()
            live.loop.refresh()
            kept = live.state()
            live.loop.rebuild()
            assert kept == live.state()
        finally:
            live.close()


def test_readers_never_see_two_builds_mixed(live: Live) -> None:
    live.loop.start()
    reader = live.database.cursor()
    generator = random.Random(7)
    for _ in range(20):
        session, request = generator.choice("abc"), generator.randrange(99)
        live.arrive([(session, request, generator.randrange(1, 5), generator.randrange(9))])
        live.loop.refresh()
        row = reader.execute(
            "select (select coalesce(sum(tokens), 0) from sessions), (select coalesce(sum(tokens), 0) from days),"
            " (select coalesce(tokens, 0) from totals)"
        ).fetchone()
        assert row is not None
        assert row[0] == row[1] == row[2]


def test_the_loop_says_that_it_was_not_started(live: Live) -> None:
    with pytest.raises(ModelError, match="not started"):
        live.loop.refresh()
