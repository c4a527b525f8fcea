"""Verbs on a database whose models are kept up to date: what is said of them stays true."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.modelrunner.context import Flags
from engine.modelrunner.live import LiveLoop
from engine.modelrunner.nodes import Node, Source
from engine.modelrunner.results import RunOutcome
from engine.modelrunner.run import Silent
from engine.modelrunner.runner import Runner, Selection

from .conftest import Toy
from .test_live import FILES, Live


@pytest.fixture
def live(toy: Toy) -> Iterator[Live]:
    found = Live(toy)
    found.arrive([("a", 1, 1, 10), ("b", 1, 2, 5)])
    found.loop.start()
    yield found
    found.close()


def run(live: Live, *select: str, full_refresh: bool = False) -> RunOutcome:
    """`models run` inside the process that holds the database."""
    project = live.toy.load(flags=Flags(full_refresh=full_refresh))
    return Runner(project, live.database.cursor, write_artifacts=False).run(Selection(select=select))


def test_a_database_that_nobody_keeps_gets_no_tables(toy: Toy) -> None:
    toy.write({"models/one.sql": "select 1 as one"}).runner().run()
    assert toy.rows("select count(*) from information_schema.schemata where schema_name = 'ops'") == [(0,)]


def test_models_meta_tells_of_the_command_that_made_a_relation(live: Live) -> None:
    live.arrive([("a", 2, 1, 1)])
    run(live, "totals")
    said = dict(live.rows("select relation, watermark from models_meta where build_id like 'command-%'"))
    assert [name.split(".")[-1] for name in said] == ['"totals"']
    assert set(said.values()) == {2}


def test_what_stands_on_a_model_that_was_run_alone_is_built_at_the_next_start(live: Live) -> None:
    live.arrive([("a", 2, 3, 7)])
    run(live, "stg_requests")
    live.loop.start()
    live.loop.refresh()
    kept = live.state()
    live.loop.rebuild()
    assert live.state() == kept
    assert live.rows("select count(distinct build_id) from models_meta") == [(1,)]


def test_a_run_of_everything_leaves_nothing_to_build(live: Live) -> None:
    assert run(live, full_refresh=True).exit_code == 0
    assert live.loop.pending().nodes == ()
    live.loop.start()
    assert live.rows("select count(*) from ops.model_runs where node = 'model.toy.totals'") == [(1,)]


def test_a_model_that_failed_is_said_nothing_of_and_what_was_skipped_is_as_before(live: Live) -> None:
    before = live.rows("select * from ops.model_nodes where node like '%.totals'")
    live.toy.write({"models/sessions.sql": FILES["models/sessions.sql"].replace("count(*)", "nothing")})
    assert run(live, "sessions+").exit_code == 1
    assert live.rows("select count(*) from ops.model_nodes where node like '%.sessions'") == [(0,)]
    assert live.rows("select * from ops.model_nodes where node like '%.totals'") == before


class Impatient(Silent):
    """Breaks a run off after its first node."""

    def started(self, node: Node | Source, index: int, total: int) -> None:
        if index == 2:
            raise KeyboardInterrupt


def test_of_a_run_that_was_broken_off_only_what_it_made_is_said(live: Live) -> None:
    runner = Runner(live.toy.load(threads=1), live.database.cursor, write_artifacts=False, listener=Impatient())
    with pytest.raises(KeyboardInterrupt):
        runner.run(Selection(select=("totals", "note_count")))
    said = live.rows("select node from ops.model_nodes where build_id like 'command-%'")
    assert len(said) == 1
    live.loop.start()
    assert live.rows("select count(*) from models_meta") == [(6,)]


def test_an_edited_incremental_model_that_was_not_rebuilt_is_built_at_the_next_start(live: Live) -> None:
    live.toy.write({"models/days.sql": FILES["models/days.sql"].replace("sum(tokens)", "sum(tokens) + 1")})
    run(live, "days")
    loop = LiveLoop(live.toy.load(), live.database.cursor)
    try:
        assert loop.pending().nodes == ("model.toy.days",)
    finally:
        loop.close()


def test_another_target_changes_nothing_that_is_said(live: Live) -> None:
    before = live.rows("select * from ops.model_nodes order by node")
    project = live.toy.load(target="prod")
    assert Runner(project, live.database.cursor, write_artifacts=False).run().exit_code == 0
    assert live.rows("select * from ops.model_nodes order by node") == before
