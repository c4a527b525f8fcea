"""References to what is not here mean the earlier state's relations: --defer, --favor-state, --defer-state."""

from __future__ import annotations

import shutil

import pytest

from engine.modelrunner import state
from engine.modelrunner.choosing import Selection
from engine.modelrunner.defer import deferral
from engine.modelrunner.problems import SelectionProblem
from engine.modelrunner.runner import Runner

from .conftest import Toy

MODELS = {
    "models/a.sql": "{{ config(materialized='table') }} select '{{ target.name }}' as made_in, 1 as id",
    "models/b.sql": "select * from {{ ref('a') }}",
    "models/c.sql": "{{ config(materialized='table') }} select * from {{ ref('b') }}",
    "models/inlined.sql": "{{ config(materialized='ephemeral') }} select * from {{ ref('a') }}",
    "models/d.sql": "{{ config(materialized='table') }} select i.* from {{ ref('inlined') }} i"
    " join {{ ref('s') }} using (id)",
    "models/f.sql": "{{ config(materialized='table') }} select * from {{ ref('h') }}",
    "models/p.yml": "models: [{name: c, columns: [{name: id, data_tests: [{relationships: {arguments:"
    " {to: ref('b'), field: id}}}]}]}]",
    "seeds/s.csv": "id\n1\n",
    "snapshots/h.sql": "{% snapshot h %}{{ config(unique_key='id', strategy='check', check_cols='all') }}"
    " select * from {{ ref('a') }}{% endsnapshot %}",
}  # fmt: skip


@pytest.fixture
def produced(toy: Toy) -> Toy:
    """Everything is built in `prod`, and that is the earlier state; `dev` is empty."""
    toy.write(MODELS)
    assert Runner(toy.load(target="prod"), toy.connect).build().exit_code == 0
    shutil.copytree(toy.folder / "target", toy.folder / "state")
    return toy


def deferring(toy: Toy, *, favor_state: bool = False) -> Runner:
    earlier = state.read(toy.folder / "state")
    return Runner(toy.load(), toy.connect, deferral=deferral(earlier, favor_state=favor_state))


def made_in(toy: Toy, relation: str) -> str:
    return str(toy.rows(f"select made_in from {relation}")[0][0])


def test_without_it_what_is_not_here_is_an_error(produced: Toy) -> None:
    outcome = Runner(produced.load(), produced.connect).run(Selection(("c",)))
    assert produced.statuses(outcome) == {"c": "error"}


@pytest.mark.parametrize("name", ["b", "c", "d", "f"])
def test_views_tables_seeds_and_snapshots_of_the_state_are_read(produced: Toy, name: str) -> None:
    assert deferring(produced).run(Selection((name,))).exit_code == 0
    assert made_in(produced, f"main.{name}") == "prod"


def test_what_is_here_is_read_here(produced: Toy) -> None:
    deferring(produced).run(Selection(("a",)))
    deferring(produced).run(Selection(("b",)))
    deferring(produced).run(Selection(("c",)))
    assert made_in(produced, "main.c") == "dev"


def test_favoring_the_state_reads_there_what_is_not_selected(produced: Toy) -> None:
    deferring(produced).run(Selection(("a", "b")))
    deferring(produced, favor_state=True).run(Selection(("c",)))
    assert made_in(produced, "main.c") == "prod"
    deferring(produced, favor_state=True).run(Selection(("b", "c")))
    assert made_in(produced, "main.c") == "prod"
    deferring(produced, favor_state=True).run(Selection(("a", "b", "c")))
    assert made_in(produced, "main.c") == "dev"


def test_tests_ask_the_states_relations(produced: Toy) -> None:
    outcome = deferring(produced).test(Selection(("c",)))
    assert set(produced.statuses(outcome).values()) == {"pass"}


def test_compiled_sql_names_them(produced: Toy) -> None:
    outcome = deferring(produced).compile(Selection(("c", "inlined"), indirect="empty"))
    assert {result.name: '"prod"' in str(result.sql) for result in outcome.results} == {"c": True, "inlined": True}


def test_without_a_state_it_is_refused() -> None:
    with pytest.raises(SelectionProblem, match="--state"):
        deferral(None)


def test_a_state_without_a_manifest_is_refused(toy: Toy) -> None:
    with pytest.raises(SelectionProblem, match=r"no manifest\.json"):
        deferral(state.read(toy.folder))
