"""Several nodes at once: whatever the number of threads, what comes out is what one thread makes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.modelrunner import artifacts, gating, schedule
from engine.modelrunner.context import Flags
from engine.modelrunner.nodes import Node, Source
from engine.modelrunner.results import FAIL_FAST, NodeResult
from engine.modelrunner.run import Silent
from engine.modelrunner.runner import Runner
from tests.unit.modelrunner.conftest import Toy

MEET = "{% if execute %}{{ log('meet', info=true) }}{% endif %}"


class Meeting(list[str]):
    """What templates say; the first `size` that say `meet` wait for each other, or all fail."""

    def __init__(self, size: int = 2) -> None:
        super().__init__()
        self._barrier = threading.Barrier(size, timeout=60)
        self._met = False

    def append(self, text: str) -> None:
        super().append(text)
        if text == "meet" and not self._met:
            self._barrier.wait()
            self._met = True


class Order(Silent):
    """Keeps what began and ended, in order."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.numbers: list[int] = []

    def started(self, node: Node | Source, index: int, total: int) -> None:
        self.heard.append(("began", node.name))
        self.numbers.append(index)

    def ended(self, node: Node | Source, result: NodeResult, index: int, total: int) -> None:
        self.heard.append(("ended", node.name))


def test_two_models_run_at_the_same_time(toy: Toy) -> None:
    toy.said = Meeting()
    toy.write({"models/a.sql": f"{MEET} select 1 as x", "models/b.sql": f"{MEET} select 2 as x"})
    outcome = toy.runner().run()
    assert toy.statuses(outcome) == {"a": "success", "b": "success"}
    assert {result.thread for result in outcome.results} == {"Thread-1 (worker)", "Thread-2 (worker)"}
    told = artifacts.read(toy.folder / "target" / "run_results.json")
    assert told is not None
    assert {result["thread_id"] for result in told["results"]} == {"Thread-1 (worker)", "Thread-2 (worker)"}


def test_tests_of_two_models_run_at_the_same_time(toy: Toy) -> None:
    toy.write({f"models/{name}.sql": "select 1 as x" for name in "ab"})
    assert toy.runner().run().exit_code == 0
    toy.said = Meeting()
    toy.write({f"tests/of_{name}.sql": f"{MEET} select * from {{{{ ref('{name}') }}}} where x > 1" for name in "ab"})
    assert toy.statuses(toy.runner().test()) == {"of_a": "pass", "of_b": "pass"}


def test_the_command_line_says_how_many(toy: Toy) -> None:
    toy.said = Meeting(3)
    toy.write({f"models/{name}.sql": f"{MEET} select 1 as x" for name in "abc"})
    assert toy.runner(threads=3).run().exit_code == 0


def test_threads_have_the_settings_of_the_session(toy: Toy) -> None:
    toy.write({f"models/{name}.sql": "{{ config(materialized='table') }} select current_setting('TimeZone') as zone"
               for name in "ab"})  # fmt: skip

    def connect() -> Any:
        connection = toy.connect()
        connection.execute("set TimeZone = 'Asia/Tokyo'")
        return connection

    assert Runner(toy.load(), connect).run().exit_code == 0
    assert toy.rows("select zone from a union all from b") == [("Asia/Tokyo",), ("Asia/Tokyo",)]


def test_what_two_transactions_both_wanted_is_made_again_when_nothing_is_in_the_way(toy: Toy) -> None:
    toy.said = Meeting()
    toy.execute("create table shared as select 0 as x")
    hooks = f'["select * from shared", "{MEET} select 1", "create or replace table shared as select 7 as x"]'
    for name in "ab":
        toy.write({f"models/{name}.sql": f"{{{{ config(materialized='table', pre_hook={hooks}) }}}} select 1 as x"})
    listener = Order()
    outcome = Runner(toy.load(), toy.connect, listener=listener).run()
    assert toy.statuses(outcome) == {"a": "success", "b": "success"}
    assert toy.said.count("meet") == 3
    assert sorted(listener.heard) == [("began", "a"), ("began", "b"), ("ended", "a"), ("ended", "b")]


def test_what_cannot_be_taken_back_is_not_tried_again(toy: Toy) -> None:
    toy.said = Meeting()
    toy.execute("create table shared as select 0 as x; create table counted as select 0 as x")
    outside = "{'sql': 'insert into counted values (1)', 'transaction': false}"
    hooks = f'[{outside}, "select * from shared", "{MEET} select 1", "create or replace table shared as select 7 as x"]'
    for name in "ab":
        toy.write({f"models/{name}.sql": f"{{{{ config(materialized='table', pre_hook={hooks}) }}}} select 1 as x"})
    assert sorted(toy.statuses(toy.runner().run()).values()) == ["error", "success"]
    assert toy.rows("select sum(x) from counted") == [(2,)]


def test_a_failing_test_stops_what_stands_on_it_and_nothing_else(toy: Toy) -> None:
    toy.write({
        "models/a.sql": "select 1 as id union all select 1", "models/b.sql": "select * from {{ ref('a') }}",
        "models/c.sql": "select 1 as id", "models/d.sql": "select * from {{ ref('c') }}",
        "models/s.yml": "models: [{name: a, columns: [{name: id, data_tests: [unique, not_null]}]}]",
    })  # fmt: skip
    listener = Order()
    statuses = toy.statuses(Runner(toy.load(), toy.connect, listener=listener).build())
    assert statuses == {
        "a": "success", "b": "skipped", "c": "success", "d": "success", "unique_a_id": "fail", "not_null_a_id": "pass",
    }  # fmt: skip
    assert listener.heard.index(("ended", "unique_a_id")) < listener.heard.index(("ended", "b"))
    assert sorted(listener.numbers) == [number for number in range(1, 7) if number in listener.numbers]


def test_after_the_first_failure_what_is_under_way_ends_and_the_rest_is_passed_over(toy: Toy) -> None:
    toy.said = Meeting()
    toy.write({
        "models/a.sql": f"{MEET} select * from nowhere",
        "models/b.sql": f"{MEET} select 1 as x",
        "models/c.sql": "select * from {{ ref('b') }}",
    })  # fmt: skip
    outcome = toy.runner(flags=Flags(fail_fast=True)).run()
    results = {result.name: result for result in outcome.results}
    assert {name: result.status for name, result in results.items()} in (
        {"a": "error", "b": "success", "c": "skipped"},
        {"a": "error", "b": "success", "c": "success"},  # b ended first
    )
    assert results["c"].message in (FAIL_FAST, "OK")


def test_a_broken_ephemeral_model_stops_what_stands_on_it(toy: Toy) -> None:
    toy.write({
        "models/e.sql": "{{ config(materialized='ephemeral') }} select {{ nothing() }}",
        "models/f.sql": "{{ config(materialized='ephemeral') }} select 1 as x",
        "models/a.sql": "select * from {{ ref('e') }}",
        "models/b.sql": "select * from {{ ref('f') }}",
    })  # fmt: skip
    assert toy.statuses(toy.runner().run()) == {"a": "skipped", "b": "success"}


def test_an_interruption_stops_what_is_under_way(toy: Toy) -> None:
    class Impatient(Silent):
        def started(self, node: Node | Source, index: int, total: int) -> None:
            if index == 2:
                raise KeyboardInterrupt

    endless = "{{ config(materialized='table') }} select count(*) as x from range(1000000000000) a, range(1000000) b"
    toy.write({"models/a.sql": endless, "models/b.sql": "select 1 as x"})
    with pytest.raises(KeyboardInterrupt):
        Runner(toy.load(), toy.connect, listener=Impatient()).run()
    assert toy.rows("select table_name from duckdb_tables()") == []


def test_a_source_that_the_project_makes_is_tested_when_it_is_there(toy: Toy) -> None:
    toy.write({
        "seeds/events.csv": "id\n1\n",
        "models/s.yml": "sources: [{name: raw, schema: main, tables: [{name: events, columns: "
        "[{name: id, data_tests: [not_null, unique]}]}]}]",
        "models/a.sql": "select * from {{ source('raw', 'events') }}",
    })  # fmt: skip
    listener = Order()
    Runner(toy.load(), toy.connect, listener=listener).build()
    heard = listener.heard
    assert heard.index(("ended", "events")) < heard.index(("began", "source_not_null_raw_events_id"))
    assert heard.index(("ended", "source_not_null_raw_events_id")) < heard.index(("began", "a"))


@st.composite
def projects(draw: st.DrawFn) -> dict[str, str]:
    """Models that read earlier ones, as views, tables or ephemeral, with tests of which some fail."""
    files, properties = {}, []
    for number in range(draw(st.integers(2, 7))):
        parents = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        kind = draw(st.sampled_from(["table", "view", "table", "ephemeral", "incremental"]))
        reads = "".join(f" union all select x + 1 from {{{{ ref('m{parent}') }}}}" for parent in sorted(parents))
        broken = "nothing" if draw(st.integers(0, 9)) == 0 else "1 as x"
        files[f"models/m{number}.sql"] = f"{{{{ config(materialized='{kind}') }}}} select {broken}{reads}"
        tests = draw(st.lists(st.sampled_from(["not_null", "unique"]), unique=True))
        properties.append(f"  - {{name: m{number}, columns: [{{name: x, data_tests: [{', '.join(tests)}]}}]}}")
    files["models/s.yml"] = "\n".join(["models:", *properties])
    return files


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(files=projects())
def test_any_project_comes_out_as_with_one_thread(
    files: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    def build(threads: int) -> tuple[Any, Any, Order, Toy]:
        toy = Toy(Path(tmp_path_factory.mktemp("built"))).write(files)
        listener = Order()
        project = toy.load(threads=threads)
        outcome = Runner(project, toy.connect, listener=listener, write_artifacts=False).build()
        names = [f"{name}" for name in sorted(project.nodes) if project.nodes[name].is_relational]
        made = {row[0] for row in toy.rows("select table_name from duckdb_tables() union select view_name "
                                           "from duckdb_views() where not internal")}  # fmt: skip
        rows = {name: toy.rows(f"select x from {name} order by x") for name in made}
        assert names
        return {(r.unique_id, r.status, r.failures, r.message) for r in outcome.results}, rows, listener, toy

    alone, together = build(1), build(4)
    assert together[:2] == alone[:2]
    heard, project = together[2].heard, together[3].load()
    order = gating.running_order(project, set(project.nodes))
    ended = {name: place for place, (what, name) in enumerate(heard) if what == "ended"}
    began = {name: place for place, (what, name) in enumerate(heard) if what == "began"}
    for uid, above in schedule.waits(project, order, "build").items():
        name = project.nodes[uid].name
        for other in (project.nodes[parent].name for parent in above):
            assert name not in began or other not in ended or ended[other] < began[name]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(files=projects(), data=st.data())
def test_whatever_ends_first_every_node_comes_once_and_after_what_it_waits_for(
    files: dict[str, str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = Toy(Path(tmp_path_factory.mktemp("planned"))).write(files).load()
    order = gating.running_order(project, set(project.nodes))
    waits = schedule.waits(project, order, "build")
    plan = schedule.Schedule(project, order, waits)
    done: set[str] = set()
    under_way: list[str] = []
    taken: list[str] = []
    while len(done) < len(order):
        while nodes := plan.take(together=data.draw(st.booleans())):
            for node in nodes:
                assert waits[node.unique_id] <= done
                taken.append(node.unique_id)
                under_way.append(node.unique_id)
        uid = under_way.pop(data.draw(st.integers(0, len(under_way) - 1)))
        done.add(uid)
        plan.done(uid)
    assert sorted(taken) == sorted(order)
    assert plan.rest() == []
