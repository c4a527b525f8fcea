"""Lineage: where columns come from, through SQL as DuckDB reads it, and how it is shown."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import main
from engine.modelrunner import catalog, lineage, lineage_sql, lineage_text
from engine.modelrunner.database import Connection
from engine.modelrunner.lineage import ColumnName, Lineage

from .conftest import Toy

TABLES = {
    ("d", "m", "t"): ["id", "name", "cost", "list", "st"],
    ("d", "m", "u"): ["id", "extra", "at"],
}


def follow(sql: str, *expected: str) -> dict[str, set[str] | None]:
    """Column → `table.column` of what it is made of, or None where that is unknown."""
    found = lineage_sql.read(sql, TABLES, database="d", schema="m", expected=expected)
    return {
        column.name: {f"{table[2]}.{name}" for table, name in column.sources} if column.known else None
        for column in found.columns
    }


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("select id, cost * 2 as double from t", {"id": {"t.id"}, "double": {"t.cost"}}),
        ("select * exclude (name, list, st) replace (cost * 2 as cost) from t", {"id": {"t.id"}, "cost": {"t.cost"}}),
        ("select * exclude (list, st, name) rename (id as ident) from t", {"ident": {"t.id"}, "cost": {"t.cost"}}),
        ("select u.*, t.cost from t join u using (id)",
         {"id": {"u.id"}, "extra": {"u.extra"}, "at": {"u.at"}, "cost": {"t.cost"}}),
        ("select columns('^co|na') from t", {"name": {"t.name"}, "cost": {"t.cost"}}),
        ("select columns(* exclude (name, list, st)) from t", {"id": {"t.id"}, "cost": {"t.cost"}}),
        ("select max(columns('id|cost')) from t", {"max(t.id)": {"t.id"}, "max(t.cost)": {"t.cost"}}),
        ("with a as (select id, cost + 1 as c from t), b as (select id, sum(c) as s from a group by 1)"
         " select a.id, coalesce(b.s, 0) as z from a left join b using (id)", {"id": {"t.id"}, "z": {"t.cost"}}),
        ("select id, name from t union all select id, extra from u",
         {"id": {"t.id", "u.id"}, "name": {"t.name", "u.extra"}}),
        ("select id from t union all by name select extra, id from u", {"id": {"t.id", "u.id"}, "extra": {"u.extra"}}),
        ("select id from t qualify row_number() over (partition by name order by cost) = 1", {"id": {"t.id"}}),
        ("select t.cost, u.extra from t asof join u on t.id = u.id and t.cost >= u.at",
         {"cost": {"t.cost"}, "extra": {"u.extra"}}),
        ("select t.id, u.at from t positional join u", {"id": {"t.id"}, "at": {"u.at"}}),
        ("select id, x from t, unnest(t.list) as v(x)", {"id": {"t.id"}, "x": {"t.list"}}),
        ("select unnest(list) as x from t", {"x": {"t.list"}}),
        ("select st.a as a, st.b.c from t", {"a": {"t.st"}, "c": {"t.st"}}),
        ("select l.m from t, lateral (select max(extra) as m from u where u.id = t.id) l", {"m": {"u.extra"}}),
        ("select (select max(extra) from u where u.id = t.id) as m from t", {"m": {"u.extra"}}),
        ("select count(*) as n, 1 as one from t", {"n": set(), "one": set()}),
        ("with recursive r as (select id, 1 as n from t union all select id, n + 1 from r where n < 5) select * from r",
         {"id": {"t.id"}, "n": set()}),
        ("select list_transform(list, x -> x + cost) as y from t", {"y": {"t.list", "t.cost"}}),
        ("select [y * 2 for y in list] as z from t", {"z": {"t.list"}}),
        ("from t select name", {"name": {"t.name"}}),
        ("select cost as b, b + 1 as c from t", {"b": {"t.cost"}, "c": {"t.cost"}}),
        ("select case when cost > 1 then name end as k from t", {"k": {"t.cost", "t.name"}}),
        ("select sum(cost) over w as s from t window w as (partition by id)", {"s": {"t.cost"}}),
        ("select v.a from (values (1, 2)) v(a, b)", {"a": set()}),
        ("select x.j from (select id from t) x(j)", {"j": {"t.id"}}),
        ("select t from t", {"t": {"t.id", "t.name", "t.cost", "t.list", "t.st"}}),
        ("select id, name, from main.t", {"id": {"t.id"}, "name": {"t.name"}}),
        ("select d.m.t.id from d.m.t", {"id": {"t.id"}}),
        ('select "ID" as "Id" from T', {"id": {"t.id"}}),
    ],
)  # fmt: skip
def test_columns_are_followed(sql: str, columns: dict[str, set[str]]) -> None:
    assert follow(sql) == columns


@pytest.mark.parametrize(
    "sql",
    [
        "not sql at all",
        "summarize t",
        "pivot t on name using sum(cost)",
        "select columns(c -> c like '%c%') from t",
        "select (",
        "",
    ],
)
def test_what_cannot_be_followed_is_unknown(sql: str) -> None:
    assert follow(sql, "a", "b") == {"a": None, "b": None}


def test_what_is_nested_too_deeply_is_unknown() -> None:
    steps = ", ".join(f"s{level} as (select id from s{level - 1})" for level in range(1, 2000))
    assert follow(f"with s0 as (select id from t), {steps} select id from s1999", "id") == {"id": None}
    assert follow(f"select {'(' * 3000}id{')' * 3000} as id from t", "id") == {"id": None}


def test_a_star_of_something_unknown_passes_names_on() -> None:
    assert follow("select * from nobody", "a") == {"a": {"nobody.a"}}
    assert follow("select * from nobody n, t", "a", "id") == {"a": None, "id": None}
    assert follow("select * from nobody") == {}


def test_the_database_names_what_has_no_alias() -> None:
    assert follow("select count(*), max(id) from t", "count_star()", 'max("id")') == {
        "count_star()": set(),
        'max("id")': {"t.id"},
    }


def test_steps_are_the_expressions_from_outside_in() -> None:
    sql = "with a as (select id, sum(cost) as c from t group by 1) select coalesce(c, 0) as c, id from a"
    cost, ident = lineage_sql.read(sql, TABLES, database="d", schema="m").columns
    assert cost.steps == ("COALESCE(a.c, 0)", "SUM(t.cost)")
    assert ident.steps == ()


def test_expressions_read_as_people_write_them() -> None:
    (found,) = lineage_sql.read(
        "select case when cost is not null /* why */ then 1 end as c -- so\nfrom t", TABLES, database="d", schema="m"
    ).columns
    assert found.steps == ("CASE WHEN t.cost IS NOT NULL THEN 1 END",)


names = st.sampled_from(["id", "name", "cost"])


@given(st.lists(names, min_size=1, max_size=3, unique=True), st.integers(1, 6), st.booleans())
def test_renaming_through_any_number_of_expressions_loses_nothing(chosen: list[str], depth: int, star: bool) -> None:
    parts, before = [], "t"
    for level in range(depth):
        columns = ", ".join(
            f"{name} as {name}" if level else f"{name} as c{place}" for place, name in enumerate(chosen)
        )
        if level:
            columns = "*" if star else ", ".join(f"c{place}" for place in range(len(chosen)))
        parts.append(f"s{level} as (select {columns} from {before})")
        before = f"s{level}"
    found = follow(f"with {', '.join(parts)} select * from {before}")
    assert found == {f"c{place}": {f"t.{name}"} for place, name in enumerate(chosen)}


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    lineage_sql.read(text, TABLES, database="d", schema="m", expected=["a"])


# Projects --------------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(toy: Toy) -> Toy:
    toy.write({
        "models/stg.sql": "select * from {{ source('raw', 'orders') }}",
        "models/eph.sql": "{{ config(materialized='ephemeral') }}"
                          " select id, amount * 2 as double from {{ ref('stg') }}",
        "models/fct.sql": "{{ config(materialized='incremental', unique_key='id') }}"
                          " select e.id, sum(e.double) as total, count(*) as n from {{ ref('eph') }} e"
                          " left join {{ ref('kinds') }} k on k.id = e.id"
                          " {% if is_incremental() %} where e.id > (select max(id) from {{ this }}) {% endif %}"
                          " group by 1",
        "models/odd.sql": "pivot {{ ref('fct') }} on id in (1) using sum(total)",
        "seeds/kinds.csv": "id,kind\n1,a\n",
        "snapshots/snap.sql": "{% snapshot snap %}{{ config(unique_key='id', strategy='check', check_cols='all') }}"
                              " select id, total as kept from {{ ref('fct') }}{% endsnapshot %}",
        "models/s.yml": "sources: [{name: raw, schema: main, tables: [{name: orders}]}]\n"
                        "models: [{name: fct, columns: [{name: id, data_tests: [unique]}]}]\n"
                        "exposures: [{name: dash, type: dashboard, owner: {name: me}, depends_on: [ref('fct')]}]",
    })  # fmt: skip
    toy.execute("create table orders as select 1 as id, 2.5 as amount, 'x' as Note")
    return toy


def read(toy: Toy, *, with_database: bool = True) -> Lineage:
    project = toy.load()
    if not with_database:
        return lineage.read(project)
    with toy.connect() as raw:
        connection = Connection(raw)
        return lineage.read(project, connection, catalog.read(project, connection))


def test_a_column_leads_through_the_project_to_its_source(shop: Toy) -> None:
    found = read(shop).upstream(ColumnName("model.toy.fct", "total"))
    assert found == {
        ColumnName("model.toy.fct", "total"): 0,
        ColumnName("model.toy.eph", "double"): 1,
        ColumnName("model.toy.stg", "amount"): 2,
        ColumnName("source.toy.raw.orders", "amount"): 3,
    }


def test_and_from_its_source_to_what_is_made_of_it(shop: Toy) -> None:
    assert shop.runner().build().exit_code == 0
    found = read(shop).downstream(ColumnName("source.toy.raw.orders", "amount"), depth=3)
    assert list(found) == [
        ColumnName("source.toy.raw.orders", "amount"), ColumnName("model.toy.stg", "amount"),
        ColumnName("model.toy.eph", "double"), ColumnName("model.toy.fct", "total"),
    ]  # fmt: skip


def test_an_incremental_model_that_is_there_is_read_as_if_it_were_built_anew(shop: Toy) -> None:
    before = read(shop).columns["model.toy.fct"]
    assert shop.runner().build().exit_code == 0
    assert read(shop).columns["model.toy.fct"] == before


def test_a_model_that_cannot_be_followed_says_so_and_stops_nothing(shop: Toy) -> None:
    assert shop.runner().build().exit_code == 0
    found = read(shop)
    assert [column.known for column in found.columns["model.toy.odd"].values()] == [False, False]
    assert all(column.known for column in found.columns["model.toy.fct"].values())


def test_a_model_that_does_not_compile_is_unknown(shop: Toy) -> None:
    shop.write({"models/stg.sql": "select {{ nothing_of_that_name() }}"})
    assert read(shop).columns["model.toy.stg"] == {}


def test_a_snapshot_has_its_querys_columns_and_its_own(shop: Toy) -> None:
    assert shop.runner().build().exit_code == 0
    found = read(shop).columns["snapshot.toy.snap"]
    assert found["kept"].sources == (ColumnName("model.toy.fct", "total"),)
    assert found["dbt_scd_id"].steps == ("made by the snapshot",)


def test_without_a_database_files_have_to_do(shop: Toy) -> None:
    found = read(shop, with_database=False)
    assert found.of(ColumnName("seed.toy.kinds", "kind")) is not None
    assert found.columns["model.toy.stg"] == {}
    total = found.of(ColumnName("model.toy.fct", "total"))
    assert total is not None
    assert total.sources == (ColumnName("model.toy.eph", "double"),)


def test_names_keep_the_databases_case(shop: Toy) -> None:
    found = read(shop)
    assert found.find("model.toy.stg", "NOTE") == ColumnName("model.toy.stg", "Note")


def test_a_table_that_is_no_part_of_the_project_keeps_its_name(shop: Toy) -> None:
    shop.write({"models/stg.sql": "select x.amount, x.id from elsewhere.x as x"})
    found = read(shop).columns["model.toy.stg"]["amount"]
    assert found.sources == (ColumnName("toy.elsewhere.x", "amount"),)


def test_sqlglot_is_read_only_for_columns() -> None:
    code = "import sys, engine.modelrunner.runner, engine.commands.models.lineage, engine.modelrunner.lineage_text;"
    done = subprocess.run(
        [sys.executable, "-c", f"{code} print('sqlglot' in sys.modules)"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# The command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def place(shop: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    monkeypatch.setenv("TOY_DB", str(shop.database))
    monkeypatch.setenv("HOME", str(shop.folder.parent))
    monkeypatch.setenv("DBT_PROFILES_DIR", ".")
    monkeypatch.chdir(shop.folder)
    return shop


def test_a_column_is_shown_with_the_expression_at_each_step(place: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "lineage", "fct.total", "--upstream"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "fct.total",
        "  = SUM(e.double)",
        "is made of",
        "└── eph.double",
        "    │ = stg.amount * 2",
        "    └── stg.amount",
        "        └── raw.orders.amount",
    ]


def test_a_node_is_shown_with_what_is_above_and_below(place: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "lineage", "eph"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "eph  ephemeral model",
        "stands on",
        "└── stg  view model",
        "    └── raw.orders  source",
        "is used by",
        "└── fct  incremental model",
        "    ├── odd  view model",
        "    ├── snap  snapshot",
        "    └── dash  exposure",
    ]


def test_depth_and_direction_narrow_it(place: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "lineage", "eph", "--downstream", "--depth", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["is used by", "└── fct  incremental model"]


def test_what_was_opened_above_is_not_opened_again(place: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    place.write({"models/both.sql": "select a.id from {{ ref('stg') }} a join {{ ref('eph') }} b using (id)"})
    assert main(["models", "lineage", "both", "--upstream"]) == 0
    assert "    └── stg  view model  (above)" in capsys.readouterr().out.splitlines()


def test_a_selection_is_shown_from_its_roots(place: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "lineage", "-s", "+eph"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "└── raw.orders  source", "    └── stg  view model", "        └── eph  ephemeral model"
    ]  # fmt: skip


def test_the_columns_of_a_node(place: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "lineage", "fct", "--columns"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == ["id  ← eph.id", "total  ← eph.double", "    = SUM(e.double)"]


def test_json_has_everything_about_a_column(place: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "lineage", "eph.double", "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["node"], found["column"], found["expression"]) == ("model.toy.eph", "double", "stg.amount * 2")
    assert [(one["node"], one["column"], one["distance"]) for one in found["upstream"]] == [
        ("model.toy.stg", "amount", 1), ("source.toy.raw.orders", "amount", 2)
    ]  # fmt: skip
    assert found["downstream"][0]["sources"] == [{"node": "model.toy.eph", "column": "double"}]


def test_json_of_nodes_has_edges(place: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "lineage", "stg", "--upstream", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["edges"] == [["source.toy.raw.orders", "model.toy.stg"]]
    assert [one["label"] for one in found["nodes"]] == ["raw.orders", "stg"]


def test_mermaid_and_dot(place: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "lineage", "stg.amount", "--upstream", "--output", "mermaid"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "flowchart LR", '  n0["stg.amount"]', '  n1["raw.orders.amount"]', "  n1 --> n0"
    ]  # fmt: skip
    assert main(["models", "lineage", "stg", "--upstream", "--output", "dot"]) == 0
    assert '"source.toy.raw.orders" -> "model.toy.stg";' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fcct"], "no node is called 'fcct'; did you mean 'fct'?"),
        (["fct.totl"], "'toy.fct' has no column 'totl'; did you mean 'total'?"),
        (["fct", "--output", "png"], "--output takes no 'png'"),
        (["fct", "-s", "stg"], "a node and a selection"),
    ],
)
def test_wrong_words_are_exit_2(place: Toy, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["models", "lineage", *words]) == 2
    assert said in capsys.readouterr().err


def test_asking_makes_no_database(place: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    place.database.unlink()
    assert main(["models", "lineage", "fct.total", "--upstream"]) == 0
    assert not place.database.exists()


def test_labels_do_not_end_mermaids_quotes() -> None:
    picture = lineage_text.Picture((("a", 'x"y', "model"),), ())
    assert lineage_text.mermaid(picture) == 'flowchart LR\n  n0["x#quot;y"]'
