"""Doc blocks: where they are found, what `doc()` means, what a missing one says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.modelrunner import artifacts
from engine.modelrunner.jinja import blocks
from engine.modelrunner.problems import ParseProblem

from .conftest import PROJECT, Toy

YAML = """
models:
  - name: a
    description: "{{ doc('about_a') }}"
    columns:
      - name: id
        description: "Key: {{ doc('about_id') }}"
"""


@pytest.fixture
def described(toy: Toy) -> Toy:
    return toy.write({"models/a.sql": "select 1 as id", "models/s.yml": YAML,
                      "models/a.md": "{% docs about_a %}\nOne **row**.\n{% enddocs %}\n",
                      "macros/deep/m.md": "words outside\n{% docs about_id %}a number{% enddocs %}"})  # fmt: skip


def test_blocks_are_found_in_every_folder_of_sources(described: Toy) -> None:
    node = described.load().nodes["model.toy.a"]
    assert node.description == "One **row**."
    assert node.columns[0].description == "Key: a number"


def test_the_manifest_holds_the_blocks_and_who_uses_them(described: Toy) -> None:
    manifest = artifacts.manifest(described.load())
    assert manifest["docs"]["doc.toy.about_id"] == {
        "unique_id": "doc.toy.about_id", "resource_type": "doc", "name": "about_id", "package_name": "toy",
        "path": "deep/m.md", "original_file_path": "macros/deep/m.md", "block_contents": "a number",
    }  # fmt: skip
    assert manifest["nodes"]["model.toy.a"]["doc_blocks"] == ["doc.toy.about_a"]
    assert manifest["nodes"]["model.toy.a"]["columns"]["id"]["doc_blocks"] == ["doc.toy.about_id"]


def test_docs_paths_say_where_blocks_are(described: Toy) -> None:
    described.write({"dbt_project.yml": PROJECT + "docs-paths: [words]\n",
                     "words/a.md": "{% docs about_a %}elsewhere{% enddocs %}",
                     "words/i.md": "{% docs about_id %}x{% enddocs %}"})  # fmt: skip
    assert described.load().nodes["model.toy.a"].description == "elsewhere"


def test_a_missing_block_names_file_line_and_the_nearest(described: Toy) -> None:
    described.write({"models/s.yml": YAML.replace("'about_id'", "'abuot_id'")})
    with pytest.raises(ParseProblem) as caught:
        described.load()
    said = caught.value.line()
    assert said.startswith("models/s.yml:6: the description of model 'a', column 'id' depends on doc 'abuot_id'")
    assert "did you mean 'about_id'?" in said


def test_a_missing_block_of_a_disabled_model_is_nobodys_problem(described: Toy) -> None:
    described.write({"models/a.sql": "{{ config(enabled=false) }} select 1 as id",
                     "models/s.yml": YAML.replace("about_a", "nowhere")})  # fmt: skip
    assert "model.toy.a" not in described.load().nodes


def test_two_blocks_of_one_name_are_refused(described: Toy) -> None:
    described.write({"models/b.md": "\n{% docs about_a %}again{% enddocs %}"})
    with pytest.raises(ParseProblem, match=r"models/b.md:2: doc 'about_a' is already defined in models/a.md:1"):
        described.load()


def test_a_block_that_does_not_end_is_refused(described: Toy) -> None:
    described.write({"models/b.md": "words\n{% docs open %} never closed"})
    with pytest.raises(ParseProblem, match=r"models/b.md:2: the docs block does not end"):
        described.load()


def test_jinja_in_a_block_is_rendered_without_a_context(described: Toy) -> None:
    described.write({"models/a.md": "{% docs about_a %}{{ 1 + 1 }}{{ unknown }}{# no #}!{% enddocs %}"})
    assert described.load().nodes["model.toy.a"].description == "2!"


def test_raw_in_a_block_keeps_its_braces(described: Toy) -> None:
    text = "{% docs about_a %}{% raw %}write {{ ref('x') }} {% enddocs %}{% endraw %}{% enddocs %}"
    described.write({"models/a.md": text})
    assert described.load().nodes["model.toy.a"].description == "write {{ ref('x') }} {% enddocs %}"


def test_doc_takes_a_package_and_finds_the_roots_first(described: Toy) -> None:
    described.write({
        "packages.yml": "packages: [{local: other}]", "other/dbt_project.yml": "name: other\nversion: '1.0'\n",
        "other/models/o.sql": "select 1 as id",
        "other/models/o.md": "{% docs about_a %}from other{% enddocs %}{% docs theirs %}t{% enddocs %}",
        "other/models/o.yml": 'models: [{name: o, description: "{{ doc(\'about_a\') }} {{ doc(\'theirs\') }}"}]',
        "models/s.yml": "models: [{name: a, description: \"{{ doc('other', 'about_a') }} {{ doc('theirs') }}\"}]",
    })  # fmt: skip
    project = described.load()
    assert project.nodes["model.other.o"].description == "One **row**. t"
    assert project.nodes["model.toy.a"].description == "from other t"


def test_sources_seeds_macros_tests_and_exposures_have_descriptions_too(described: Toy) -> None:
    described.write({
        "seeds/sd.csv": "id\n1\n",
        "macros/m.sql": "{% macro twice(n) %}{{ n }} * 2{% endmacro %}",
        "tests/t.sql": "select * from {{ ref('a') }} where false",
        "tests/t.yml": "data_tests: [{name: t, description: \"{{ doc('about_id') }}\"}]",
        "models/more.yml": """
seeds: [{name: sd, description: "{{ doc('about_id') }}"}]
macros:
  - name: twice
    description: "{{ doc('about_a') }}"
    meta: {owner: me}
    arguments: [{name: n, type: int, description: "{{ doc('about_id') }}"}]
sources:
  - name: raw
    description: "{{ doc('about_a') }}"
    tables:
      - name: t
        description: "{{ doc('about_id') }}"
        columns: [{name: x, description: "{{ doc('about_id') }}"}]
exposures: [{name: dash, type: dashboard, owner: {name: me}, description: "{{ doc('about_id') }} shown"}]
""",
    })  # fmt: skip
    project = described.load()
    source = project.sources["source.toy.raw.t"]
    assert (source.source_description, source.description) == ("One **row**.", "a number")
    assert source.columns[0].description == "a number"
    assert project.nodes["seed.toy.sd"].description == "a number"
    assert project.nodes["test.toy.t"].description == "a number"
    assert project.exposures["exposure.toy.dash"].description == "a number shown"
    macro = artifacts.manifest(project)["macros"]["macro.toy.twice"]
    assert macro["description"] == "One **row**."
    assert macro["arguments"] == [{"name": "n", "type": "int", "description": "a number"}]
    assert (macro["meta"], macro["patch_path"]) == ({"owner": "me"}, "toy://models/more.yml")


def test_descriptions_know_variables(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1 as id",
               "models/s.yml": "models: [{name: a, description: \"in {{ var('zone', 'UTC') }}\"}]"})  # fmt: skip
    assert toy.load().nodes["model.toy.a"].description == "in UTC"


def test_the_overview_is_the_projects_own_or_ours(described: Toy) -> None:
    assert described.load().docs.overview().package == "dbt"
    described.write({"models/o.md": "{% docs __overview__ %}# Mine{% enddocs %}"})
    assert described.load().docs.overview().text == "# Mine"


def test_comments_follow_persist_docs(described: Toy) -> None:
    described.write({
        "models/a.sql": "{{ config(materialized='table', persist_docs={'relation': true, 'columns': true}) }}"
                        ' select 1 as id, 2 as bare, 3 as "Upper"',
        "models/s.yml": YAML + "      - name: bare\n      - {name: upper, description: not this one}\n",
    })  # fmt: skip
    assert described.runner().run().exit_code == 0
    assert described.rows("select comment from duckdb_tables() where table_name = 'a'") == [("One **row**.",)]
    found = described.rows("select column_name, comment from duckdb_columns() where table_name = 'a' order by all")
    assert found == [("Upper", None), ("bare", ""), ("id", "Key: a number")]


words = st.text(st.characters(exclude_characters="{}%#", codec="utf-8"), max_size=40)


@given(st.lists(st.tuples(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), words, words), max_size=5))
def test_every_block_comes_back_whole_and_what_is_between_does_not(parts: list[tuple[str, str, str]]) -> None:
    text = "".join(f"{between}{{% docs {name} %}}{body}{{% enddocs %}}" for name, body, between in parts)
    assert [(block.name, block.body) for block in blocks(text, "x.md", ("docs",))] == [
        (name, body) for name, body, _ in parts
    ]
