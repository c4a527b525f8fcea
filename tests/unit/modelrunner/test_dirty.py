"""What a start builds: only nodes that changed, whose inputs changed, or that stand on such; with the same result."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ModelError
from engine.modelrunner.live import LiveLoop, Refresh

from .conftest import Toy
from .test_live import FILES, MODELS, Live

SEED = {
    "seeds/names.csv": "id,name\n1,one\n",
    "models/named.sql": "{{ config(materialized='table') }} select n.name, t.tokens from {{ ref('names') }} as n, "
    "{{ ref('totals') }} as t",
}


@pytest.fixture
def live(toy: Toy) -> Iterator[Live]:
    found = Live(toy.write(SEED))
    found.arrive([("a", 1, 1, 10), ("b", 1, 2, 5)])
    found.loop.start()
    yield found
    found.close()


def again(live: Live, **options: Any) -> Refresh | None:
    """The project read anew, and started."""
    live.loop.close()
    live.loop = LiveLoop(live.toy.load(**options), live.database.cursor)
    return live.loop.start()


def built(live: Live, refresh: Refresh | None) -> set[str]:
    """The nodes that the last build ran."""
    assert refresh is not None
    rows = live.rows("select node from ops.model_runs where run_id = (select build_id from ops.model_watermark)")
    return {node.rpartition(".")[2] for (node,) in rows if node.startswith(("model.", "seed."))}


def test_an_unchanged_project_builds_nothing(live: Live) -> None:
    assert again(live) is None


def test_a_changed_model_is_built_with_what_stands_on_it_and_nothing_else(live: Live) -> None:
    live.toy.write({"models/sessions.sql": FILES["models/sessions.sql"].replace("sum(cost)", "sum(cost) + 1")})
    assert built(live, again(live)) == {"sessions", "totals", "named"}
    assert live.rows("select cost from totals") == [(17,)]


def test_a_comment_in_a_template_changes_nothing(live: Live) -> None:
    live.toy.write({"models/totals.sql": "{# said #}" + FILES["models/totals.sql"]})
    assert built(live, again(live)) == set()


def test_a_description_changes_nothing(live: Live) -> None:
    live.toy.write({"models/more.yml": "models: [{name: totals, description: everything}]"})
    assert built(live, again(live)) == set()


def test_a_changed_macro_builds_the_models_whose_sql_it_changes(live: Live) -> None:
    live.toy.write({"macros/never.sql": FILES["macros/never.sql"] + "{% macro plus(x) %}{{ x }} + 1{% endmacro %}"})
    live.toy.write({"models/note_count.sql": "select {{ plus('count(*)') }} as n from {{ source('raw', 'notes') }}"})
    assert built(live, again(live)) == {"note_count"}


def test_a_changed_variable_builds_the_models_that_use_it(live: Live) -> None:
    live.toy.write({"models/note_count.sql": "select {{ var('plus', 0) }} as n"})
    again(live)
    assert built(live, again(live, variables={"plus": 3})) == {"note_count"}
    assert live.rows("select n from note_count") == [(3,)]


def test_a_changed_configuration_builds_the_model(live: Live) -> None:
    live.toy.write({"models/note_count.sql": "{{ config(materialized='table') }}" + FILES["models/note_count.sql"]})
    assert built(live, again(live)) == {"note_count"}
    assert live.rows("select table_type from information_schema.tables where table_name = 'note_count'") == [
        ("BASE TABLE",)
    ]


def test_a_changed_seed_is_loaded_again(live: Live) -> None:
    live.toy.write({"seeds/names.csv": "id,name\n1,uno\n2,due\n"})
    assert built(live, again(live)) == {"names", "named"}
    assert sorted(live.rows("select name from named")) == [("due",), ("uno",)]


def test_a_hook_that_calls_macros_is_built_again_when_a_macro_changes(live: Live) -> None:
    live.toy.write({
        "macros/hooked.sql": "{% macro hooked() %}delete from {{ this }}{% endmacro %}",
        "models/note_count.sql": "{{ config(materialized='table', post_hook='{{ hooked() }}') }} select 1 as n",
    })  # fmt: skip
    again(live)
    live.toy.write({"macros/hooked.sql": "{% macro hooked() %}update {{ this }} set n = 2{% endmacro %}"})
    assert built(live, again(live)) == {"note_count"}
    assert live.rows("select n from note_count") == [(2,)]


def test_a_new_model_is_built_alone_and_a_removed_one_forgotten(live: Live) -> None:
    live.toy.write({"models/more.sql": "select 1 as one"})
    assert built(live, again(live)) == {"more"}
    (live.toy.folder / "models/more.sql").unlink()
    assert built(live, again(live)) == set()
    assert live.rows("select count(*) from ops.model_nodes where node = 'model.toy.more'") == [(0,)]


def test_a_missing_table_is_built_with_what_stands_on_it(live: Live) -> None:
    live.database.cursor().execute("drop table days")
    assert built(live, again(live)) == {"days"}


def test_a_changed_ephemeral_model_builds_its_readers(live: Live) -> None:
    live.toy.write({
        "models/passing.sql": "{{ config(materialized='ephemeral') }} select 1 as n",
        "models/reader.sql": "select n from {{ ref('passing') }}",
    })  # fmt: skip
    again(live)
    live.toy.write({"models/passing.sql": "{{ config(materialized='ephemeral') }} select 2 as n"})
    assert built(live, again(live)) == {"reader"}


def test_batches_that_came_meanwhile_are_refreshed_along_with_a_change(live: Live) -> None:
    live.arrive([("a", 2, 3, 7)])
    live.toy.write({"models/totals.sql": "{{ config(materialized='table') }} select sum(tokens) as tokens, 0 as cost "
                                         "from {{ ref('sessions') }}"})  # fmt: skip
    done = again(live)
    assert done is not None
    assert done.touched == {"session": ("a",), "day": ("2026-01-01", "2026-01-03")}
    assert live.rows("select * from totals") == [(22, 0)]
    assert live.loop.refresh() is None


def test_a_source_without_batches_is_looked_at(live: Live) -> None:
    live.database.cursor().execute("create table raw.rates (rate integer); insert into raw.rates values (2)")
    live.toy.write({
        "models/more.yml": "sources: [{name: extra, schema: raw, tables: [{name: rates}]}]",
        "models/rated.sql": "{{ config(materialized='table') }} "
                            "select sum(rate) as r from {{ source('extra', 'rates') }}",
    })  # fmt: skip
    again(live)
    assert again(live) is None
    live.database.cursor().execute("insert into raw.rates values (5)")
    assert built(live, again(live)) == {"rated"}
    assert live.rows("select r from rated") == [(7,)]


def test_a_failing_build_leaves_what_was_there_and_is_tried_again(live: Live) -> None:
    before = live.state()
    live.toy.write(
        {"models/totals.sql": "{{ config(materialized='table') }} select nothing from {{ ref('sessions') }}"}
    )
    with pytest.raises(ModelError, match="totals"):
        again(live)
    assert live.state() == before
    assert live.rows("select count(*) from ops.model_runs where run_id like 'build-failed-%' and status = 'error'") == [
        (1,)
    ]
    live.toy.write({"models/totals.sql": FILES["models/totals.sql"]})
    assert again(live) is None


def test_models_meta_tells_of_every_relation(live: Live) -> None:
    rows = live.rows("select relation, watermark, project from models_meta order by 1")
    assert [row[0].split(".")[-1].strip('"') for row in rows] == sorted([*MODELS, "names", "named"])
    assert {row[1:] for row in rows} == {(1, "toy")}
    live.arrive([("a", 2, 1, 1)])
    live.loop.refresh()
    assert live.rows("select distinct build_id, watermark from models_meta") == [("live-2", 2)]


def test_models_meta_names_the_report_time_zone(live: Live) -> None:
    again(live, variables={"report_timezone": "Asia/Tokyo"})
    assert live.rows("select distinct report_timezone from models_meta") == [("Asia/Tokyo",)]


EDITS = {
    "totals": ("sum(cost)", "sum(cost) * 2"),
    "sessions": ("count(*)", "count(distinct tokens)"),
    "days": ("count(distinct session_key)", "count(*)"),
    "price": ("coalesce(max_by(price, batch_id), 1)", "1"),
    "stg_requests": ("r.tokens, ", "r.tokens + 1 as tokens, "),
}
ARRIVALS = st.lists(
    st.tuples(st.sampled_from(["a", "b", None]), st.integers(1, 3), st.integers(1, 4), st.integers(0, 9)), max_size=3
)
STEP = st.tuples(ARRIVALS, st.none() | st.integers(1, 3), st.sampled_from([*EDITS, "refresh", "wait"]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, min_size=1, max_size=5))
def test_after_any_edits_and_batches_the_tables_are_those_of_a_full_build(schedule: list[tuple[Any, Any, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        live = Live(Toy(Path(folder)))
        try:
            live.loop.start()
            for requests, price, action in schedule:
                live.arrive(requests, price)
                if action == "refresh":
                    live.loop.refresh()
                elif action in EDITS:
                    path = live.toy.folder / f"models/{action}.sql"
                    old, new = EDITS[action]
                    text = path.read_text()
                    path.write_text(text.replace(new, old) if new in text else text.replace(old, new))
                    again(live)
            live.loop.refresh()
            kept = live.state()
            live.loop.rebuild()
            assert kept == live.state()
        finally:
            live.close()
