"""Reading a project again: only what changed is made anew, and the result is that of a first reading."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.modelrunner.memory import Memory
from engine.modelrunner.project import Project

from .conftest import Toy
from .test_live import FILES

MORE = {
    **FILES,
    "models/one.sql": "{{ config(tags=['a']) }} select {{ plus(1) }} as n, '{{ var('word', 'none') }}' as w, "
    "'{{ env_var('WORD', 'unset') }}' as e",
    "models/one.yml": "models: [{name: one, description: first, columns: [{name: n, data_tests: [not_null]}]}]",
    "macros/plus.sql": "{% macro plus(x) %}{{ x }} + 1{% endmacro %}",
    "seeds/names.csv": "id,name\n1,one\n",
    "tests/few.sql": "select * from {{ ref('one') }} where n > 9",
    "snapshots/kept.sql": "{% snapshot kept %}{{ config(unique_key='id', strategy='check', check_cols='all', "
    "target_schema='main') }} select * from {{ ref('names') }}{% endsnapshot %}",
}
EDITS: dict[str, str] = {
    "models/one.sql": "select 2 as n",
    "models/one.yml": "models: [{name: one, columns: [{name: n, data_tests: [unique, not_null]}]}]",
    "macros/plus.sql": "{% macro plus(x) %}{{ config(materialized='table') }}{{ x }} + 2{% endmacro %}",
    "seeds/names.csv": "id,name\n2,two\n",
    "seeds/names.yml": "seeds: [{name: names, config: {column_types: {id: bigint}}}]",
    "tests/few.sql": "{{ config(severity='warn') }} select * from {{ ref('one') }}",
    "models/two.sql": "select * from {{ ref('one') }}",
    "snapshots/kept.sql": "{% snapshot kept %}{{ config(unique_key='name', strategy='check', check_cols='all', "
    "target_schema='main') }} select * from {{ ref('names') }}{% endsnapshot %}",
    "dbt_project.yml": "name: toy\nversion: '1.0'\nprofile: toy\nmodels: {toy: {+materialized: table, +tags: [b]}}\n",
    "models/broken.sql": "select * from {{ ref('nothing') }}",
}


@pytest.fixture
def read(toy: Toy) -> Callable[[], int]:
    """Reads the toy project again; gives the number of nodes that had to be made."""
    toy.write(MORE)
    memory = Memory()

    def again() -> int:
        toy.load(memory=memory)
        return memory.made

    again()
    return again


def test_an_unchanged_project_makes_nothing(read: Callable[[], int]) -> None:
    assert read() == 0


def test_a_changed_model_makes_itself(toy: Toy, read: Callable[[], int]) -> None:
    toy.write({"models/one.sql": "select 2 as n"})
    assert read() == 1


def test_a_changed_macro_makes_everything(toy: Toy, read: Callable[[], int]) -> None:
    toy.write({"macros/plus.sql": EDITS["macros/plus.sql"]})
    assert read() > 10


def test_a_broken_file_costs_the_others_nothing(toy: Toy, read: Callable[[], int]) -> None:
    toy.write({"models/one.sql": "{% if %}"})
    with pytest.raises(EngineError):
        read()
    toy.write({"models/one.sql": MORE["models/one.sql"]})
    assert read() == 0


def outcome(toy: Toy, variables: dict[str, str] | None, memory: Memory | None) -> Project | str:
    """The project, or why it cannot be read."""
    try:
        return toy.load(memory=memory, variables=variables)
    except EngineError as error:
        return error.line()


STEP = st.tuples(st.sampled_from(sorted(EDITS)), st.booleans(), st.sampled_from([None, "x"]))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, min_size=1, max_size=6))
def test_after_any_edits_it_is_read_as_if_for_the_first_time(steps: list[tuple[str, bool, str | None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        toy = Toy(Path(folder)).write(MORE)
        before = {**MORE, "dbt_project.yml": (toy.folder / "dbt_project.yml").read_text()}
        memory = Memory()
        for name, edited, word in steps:
            if edited:
                toy.write({name: EDITS[name]})
            elif name in before:
                toy.write({name: before[name]})
            else:
                (toy.folder / name).unlink(missing_ok=True)
            variables = {"word": word} if word else None
            first, again = (outcome(toy, variables, memory=which) for which in (None, memory))
            if isinstance(first, str) or isinstance(again, str):
                assert again == first
                continue
            assert again.nodes == first.nodes
            assert again.disabled == first.disabled
            assert again.sources == first.sources
            assert again.fingerprint == first.fingerprint
            assert again.environ.asked == first.environ.asked
