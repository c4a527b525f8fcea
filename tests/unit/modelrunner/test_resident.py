"""A resident project: what changed in its files is built, what is broken is told, and builds beside the models."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.errors import EngineError
from engine.modelrunner import aside, live_checks, room
from engine.modelrunner.live import Refresh
from engine.modelrunner.project_watch import ProjectWatch
from engine.modelrunner.resident import Resident

from .conftest import Toy
from .test_live import FILES, Live

LONGEST = 60.0
"""How long a test waits for another thread before it gives up."""


class Served(Live):
    """A toy project that stays loaded. `told` is what was said of refreshes."""

    def __init__(self, toy: Toy) -> None:
        super().__init__(toy)
        self.told: list[Refresh] = []
        self.woken = threading.Event()
        self.resident = self.resident_of()

    def resident_of(self, **options: Any) -> Resident:
        """Another resident project over the same files and database."""
        return Resident(
            self.toy.folder, self.database.cursor, environment={"TOY_DB": str(self.toy.database)}, **options
        )

    def follow(self) -> list[Refresh]:
        """One turn."""
        before = len(self.told)
        self.resident.follow(self.told.append)
        return self.told[before:]

    def until(self, holds: Callable[[], bool]) -> None:
        """Turns, each after being woken, until something holds."""
        while not holds():
            assert self.woken.wait(LONGEST)
            self.woken.clear()
            self.follow()

    def close(self) -> None:
        self.resident.close()
        super().close()


@pytest.fixture
def served(toy: Toy) -> Iterator[Served]:
    found = Served(toy)
    found.arrive([("a", 1, 1, 10), ("b", 1, 2, 5)])
    found.resident.build()
    yield found
    found.close()


def edit(served: Served, name: str, old: str, new: str) -> None:
    """Change a model's file, as an editor does."""
    text = FILES[f"models/{name}.sql"]
    assert old in text
    served.toy.write({f"models/{name}.sql": text.replace(old, new)})


def mend(served: Served, name: str) -> None:
    """The file as it was."""
    served.toy.write({f"models/{name}.sql": FILES[f"models/{name}.sql"]})


def finish(served: Served, resident: Resident) -> None:
    """Turns until the build beside the models that runs now has ended, one way or the other."""
    assert resident.building
    while resident.building:
        assert served.woken.wait(LONGEST)
        served.woken.clear()
        resident.follow(served.told.append)


# Building --------------------------------------------------------------------------------------------------------


def test_a_build_with_nothing_new_does_nothing(served: Served) -> None:
    runs = served.rows("select count(*) from ops.model_runs")
    assert served.resident.build() is None
    assert served.rows("select count(*) from ops.model_runs") == runs


def test_a_build_reads_what_changed_and_refreshes_what_arrived(served: Served) -> None:
    edit(served, "totals", "sum(cost)", "sum(cost) + 1")
    served.arrive([("a", 2, 1, 1)])
    assert served.resident.build() is not None
    assert served.rows("select * from totals") == [(16, 17)]


def test_an_unchanged_project_is_not_read_again(served: Served) -> None:
    before = served.resident.project
    served.resident.build()
    assert served.resident.project is before


def test_a_variable_of_the_environment_that_changes_is_a_change(toy: Toy) -> None:
    served = Served(toy.write({"models/said.sql": "select '{{ env_var('WORD', 'none') }}' as word"}))
    environment = {"TOY_DB": str(toy.database), "WORD": "one"}
    resident = Resident(toy.folder, served.database.cursor, environment=environment)
    try:
        resident.build()
        environment["WORD"] = "two"
        resident.build()
        assert served.rows("select word from said") == [("two",)]
    finally:
        resident.close()
        served.close()


# Following -------------------------------------------------------------------------------------------------------


def test_a_batch_is_refreshed(served: Served) -> None:
    served.arrive([("a", 2, 1, 1)])
    assert [refresh.batch_id for refresh in served.follow()] == [2]


def test_an_edited_model_is_built_without_a_restart(served: Served) -> None:
    served.resident.watch(served.woken.set)
    edit(served, "totals", "sum(cost)", "sum(cost) * 2")
    served.until(lambda: served.rows("select cost from totals") == [(30,)])


def test_a_new_file_a_removed_file_and_a_new_folder_are_heard_of(served: Served) -> None:
    served.resident.watch(served.woken.set)
    served.toy.write({"models/deep/er/more.sql": "select 1 as one"})
    served.until(lambda: served.rows("select count(*) from duckdb_views() where view_name = 'more'") == [(1,)])
    (served.toy.folder / "models/deep/er/more.sql").unlink()
    served.until(lambda: served.rows("select count(*) from ops.model_nodes where node = 'model.toy.more'") == [(0,)])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("models/broken.yml", "models: [", "broken.yml:2"),
        ("models/price.sql", "select tokens as price from {{ ref('totals') }}", "cycle"),
        ("models/totals.sql", "select nothing from {{ ref('sessions') }}", "nothing"),
        ("models/totals.sql", "select * from {{ ref('session') }}", "sessions"),
        ("models/totals.sql", "{% if %}", "totals.sql:1"),
    ],
    ids=["YAML", "cycle", "SQL", "reference", "Jinja"],
)
def test_a_broken_edit_leaves_the_models_serving_and_mending_it_recovers(
    served: Served, name: str, text: str, said: str
) -> None:
    served.resident.watch(served.woken.set)
    served.toy.write({name: text})
    served.until(lambda: served.resident.problem is not None)
    assert said in str(served.resident.problem)
    served.arrive([("a", 2, 1, 1)])
    assert served.follow()[-1].batch_id == 2
    assert served.rows("select * from totals") == [(16, 16)]
    if name in FILES:
        served.toy.write({name: FILES[name]})
    else:
        (served.toy.folder / name).unlink()
    served.until(lambda: served.resident.problem is None)
    assert served.rows("select * from totals") == [(16, 16)]


def test_a_gate_that_fails_on_an_edit_leaves_the_models_serving(served: Served) -> None:
    edit(served, "stg_requests", "r.tokens, ", "-r.tokens as tokens, ")
    served.resident.look_again()
    served.follow()
    assert "never_stg_requests" in str(served.resident.problem)
    assert served.rows("select sum(tokens) from sessions") == [(15,)]


def test_a_broken_project_at_the_start_says_so_and_recovers(toy: Toy) -> None:
    served = Served(toy)
    try:
        served.toy.write({"models/totals.sql": "select * from {{ ref('session') }}"})
        with pytest.raises(EngineError, match="session"):
            served.follow()
        mend(served, "totals")
        assert served.follow()[0].full
    finally:
        served.close()


def test_what_others_did_to_the_tables_is_found_when_told_to_look(served: Served) -> None:
    served.database.cursor().execute("drop table days")
    served.resident.look_again()
    served.follow()
    assert len(served.rows("select * from days")) == 2


def test_files_are_watched_where_the_system_tells_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise OSError("no more watches")

    monkeypatch.setattr("watchfiles.watch", refused)
    heard = threading.Event()
    watch = ProjectWatch([served.toy.folder], heard.set)
    watch.start()
    try:
        edit(served, "totals", "sum(cost)", "sum(cost) * 2")
        assert heard.wait(LONGEST)
    finally:
        watch.stop()


# Beside the models -----------------------------------------------------------------------------------------------


def test_a_rebuild_beside_the_models_takes_in_what_arrives_meanwhile(served: Served) -> None:
    served.resident.watch(served.woken.set, files=False)
    served.resident.rebuild()
    served.arrive([("a", 2, 4, 1), ("c", 1, 1, 2)], price=3)
    served.until(lambda: not served.resident.building)
    served.follow()
    kept = served.state()
    assert served.told[-1].batch_id == 2
    assert served.rows("select tokens, cost from totals") == [(18, 54)]
    served.loop.rebuild()
    assert served.state() == kept


def test_a_long_build_after_an_edit_is_made_beside_the_models(served: Served) -> None:
    other = served.resident_of(longest_direct=0.0)
    try:
        other.build()
        other.watch(served.woken.set, files=False)
        edit(served, "totals", "sum(cost)", "sum(cost) * 2")
        other.look_again()
        other.follow(served.told.append)
        finish(served, other)
        assert other.problem is None
        assert served.rows("select cost from totals") == [(30,)]
        assert other.build() is None
    finally:
        other.close()


def test_views_and_tables_change_places_in_a_build_beside(served: Served) -> None:
    other = served.resident_of(longest_direct=0.0)
    try:
        other.build()
        other.watch(served.woken.set, files=False)
        served.toy.write({
            "models/totals.sql": FILES["models/totals.sql"].replace("'table'", "'view'"),
            "models/price.sql": "{{ config(materialized='table') }}" + FILES["models/price.sql"],
        })  # fmt: skip
        other.look_again()
        other.follow(served.told.append)
        finish(served, other)
        kinds = dict(served.rows("select table_name, table_type from information_schema.tables"))
        assert (kinds["totals"], kinds["price"]) == ("VIEW", "BASE TABLE")
        assert served.rows("select cost from totals") == [(15,)]
        assert not [name for name in kinds if name.startswith(aside.PREFIX)]
    finally:
        other.close()


def test_a_build_beside_that_fails_leaves_nothing_but_its_record(served: Served) -> None:
    other = served.resident_of(longest_direct=0.0)
    try:
        other.build()
        other.watch(served.woken.set, files=False)
        before = served.state()
        edit(served, "stg_requests", "r.tokens, ", "-r.tokens as tokens, ")
        other.look_again()
        other.follow(served.told.append)
        finish(served, other)
        assert "never_stg_requests" in str(other.problem)
        assert served.state() == before
        assert served.rows(f"select count(*) from duckdb_tables() where table_name like '{aside.PREFIX}%'") == [(0,)]
    finally:
        other.close()


def test_relations_that_cannot_change_their_names_are_built_in_place(served: Served) -> None:
    other = served.resident_of(longest_direct=0.0)
    try:
        other.build()
        other.watch(served.woken.set, files=False)
        text = FILES["models/totals.sql"].replace(
            "'table'", "'table', post_hook='create index by_cost on {{ this }} (cost)'"
        )
        served.toy.write({"models/totals.sql": text})
        other.look_again()
        other.follow(served.told.append)
        finish(served, other)
        assert "by_cost" in str(other.problem) or "depend" in str(other.problem)
        served.toy.write({"models/price.sql": FILES["models/price.sql"]})
        other.look_again()
        other.follow(served.told.append)
        assert other.problem is None
        assert served.rows("select table_name from duckdb_indexes()") == [("totals",)]
    finally:
        other.close()


def test_what_a_killed_build_left_goes_at_the_next_start(served: Served) -> None:
    served.database.cursor().execute(
        f"create table main.{aside.PREFIX}1__days as select 1 as i;"
        f"create view main.{aside.PREFIX}1__price as select 1 as i"
    )
    other = served.resident_of()
    other.build()
    other.close()
    assert served.rows(f"select count(*) from information_schema.tables where table_name like '{aside.PREFIX}%'") == [
        (0,)
    ]


def test_a_build_that_the_disk_has_no_room_for_is_not_begun(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "RESERVE_BYTES", 1 << 62)
    served.resident.watch(served.woken.set, files=False)
    served.resident.rebuild()
    served.until(lambda: not served.resident.building)
    assert "no room" in str(served.resident.problem)
    served.arrive([("a", 2, 1, 1)])
    assert served.follow()[0].batch_id == 2


def test_a_build_in_place_that_the_disk_has_no_room_for_is_not_begun_either(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "RESERVE_BYTES", 1 << 62)
    edit(served, "totals", "sum(cost)", "sum(cost) * 2")
    served.resident.look_again()
    served.follow()
    assert "no room" in str(served.resident.problem)
    assert served.rows("select cost from totals") == [(15,)]


# Tests in the background -----------------------------------------------------------------------------------------


def test_all_tests_run_after_a_build_and_tell_what_they_found(served: Served) -> None:
    served.toy.write({
        "tests/few.sql": "select * from {{ ref('sessions') }} where requests > 1",
        "tests/soft.sql": "{{ config(severity='warn') }} select * from {{ ref('sessions') }} where requests > 1",
    })  # fmt: skip
    served.arrive([("a", 2, 1, 1)])
    served.resident.look_again()
    while (found := served.resident.state().tests) is None:
        served.follow()
    assert (found.passed, len(found.warned)) == (2, 1)
    assert found.failed == ("few: Got 1 result, configured to fail if != 0",)
    assert served.rows("select count(*) from ops.model_runs where run_id like 'tests-%' group by run_id") == [(4,)]
    assert served.rows("select count(*) from sessions") == [(2,)]


def test_a_round_of_tests_that_nothing_changed_since_is_not_repeated(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_checks, "INTERVAL_SECONDS", 0.0)
    while (first := served.resident.state().tests) is None:
        served.follow()
    for _ in range(5):
        served.follow()
    assert served.resident.state().tests == first
    served.arrive([("a", 2, 1, 1)])
    while served.resident.state().tests == first:
        served.follow()


def test_the_state_says_how_far_the_models_are(served: Served) -> None:
    served.arrive([("a", 2, 1, 1)])
    standing = served.resident.state().standing
    assert standing is not None
    assert (standing.watermark, standing.newest, standing.relations) == (1, 2, 6)
