"""Verbs that answer or look after the project: show, compile, debug, deps, clean, and a file that is in use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli import main

from .conftest import Toy


@pytest.fixture
def project(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    toy.write({"models/a.sql": "select i as id, 'n' || i as name, i / 2 as half from range(7) t(i)",
               "models/b.sql": "select id from {{ ref('a') }}",
               "seeds/s.csv": "id\n1\n",
               "models/s.yml": "models: [{name: a, columns: [{name: id, data_tests: [not_null]}]}]"})  # fmt: skip
    monkeypatch.setenv("TOY_DB", str(toy.database))
    monkeypatch.setenv("HOME", str(toy.folder.parent))
    monkeypatch.setenv("DBT_PROFILES_DIR", ".")
    monkeypatch.chdir(toy.folder)
    return toy


def test_show_draws_a_table_with_numbers_on_the_right(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "-s", "a", "--limit", "2"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "| id | name | half |",
        "| -- | ---- | ---- |",
        "|  0 | n0   |  0.0 |",
        "|  1 | n1   |  0.5 |",
    ]
    assert told.err == "Previewing node 'a':\n"


@pytest.mark.parametrize(("limit", "count"), [([], 5), (["--limit", "3"], 3), (["--limit", "-1"], 7)])
def test_show_gives_five_rows_unless_told_otherwise(
    project: Toy, capsys: pytest.CaptureFixture[str], limit: list[str], count: int
) -> None:
    assert main(["models", "show", "--select", "a", "--output", "json", *limit]) == 0
    assert len(json.loads(capsys.readouterr().out)["show"]) == count


def test_show_of_sql_has_no_node(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "--inline", "select 1 as one", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"show": [{"one": 1}]}


def test_show_leaves_tests_out_unless_they_are_named(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "run", "-q"])
    main(["models", "show", "-s", "a+"])
    assert capsys.readouterr().err.splitlines() == ["Previewing node 'a':", "Previewing node 'b':"]
    main(["models", "show", "-s", "not_null_a_id"])
    assert capsys.readouterr().err.splitlines() == ["Previewing node 'not_null_a_id':"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "--inline", "select nope"], '--inline: Binder Error: Referenced column "nope"'),
        (["show", "--inline", "select {{ nope() }}"], "--inline: 'nope' is undefined"),
        (["compile", "--inline", "select * from {{ ref('aa') }}"], "--inline: 'inline' depends on a node named 'aa'"),
        (["show", "-s", "broken"], "models/broken.sql: Binder Error"),
    ],
)
def test_an_answer_that_cannot_be_given_is_exit_2(
    project: Toy, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    project.write({"models/broken.sql": "select nope"})
    assert main(["models", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err


def test_quiet_answers_have_no_title(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--quiet", "show", "--inline", "select 1 as one"]) == 0
    assert capsys.readouterr().err == ""


def test_the_version_is_ours(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["models", "--version"], ["models", "run", "--version"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0
        assert capsys.readouterr().out.startswith("aa-engine ")


def test_show_of_nothing_is_exit_2(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show"]) == 2
    assert "pass --select NODE or --inline SQL" in capsys.readouterr().err


def test_compile_prints_the_node_that_is_named_and_writes_all(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "compile", "-s", "b"]) == 0
    told = capsys.readouterr()
    assert told.out == 'select id from "toy"."main"."a"\n'
    assert told.err == "Compiled node 'b' is:\n"
    assert main(["models", "compile"]) == 0
    assert capsys.readouterr().out == ""
    assert (project.folder / "target" / "compiled" / "toy" / "models" / "a.sql").is_file()


def test_compile_as_json(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "compile", "-s", "b", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"node": "b", "compiled": 'select id from "toy"."main"."a"'}


def test_what_cannot_be_compiled_is_said(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    project.write(
        {"models/b.sql": "{% if execute %}{{ exceptions.raise_compiler_error('not today') }}{% endif %}select 1"}
    )
    assert main(["models", "compile", "-s", "b"]) != 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "models/b.sql" in told.err
    assert "not today" in told.err


def test_the_structured_log_of_an_answer_holds_the_answer(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--log-format", "json", "show", "-s", "a", "--limit", "1"]) == 0
    (shown,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (shown["info"]["name"], shown["data"]["node_name"]) == ("ShowNode", "a")
    assert shown["data"]["preview"].startswith("| id |")
    assert main(["models", "--log-format", "json", "ls", "--output", "name", "--resource-type", "model"]) == 0
    assert [json.loads(line)["data"]["msg"] for line in capsys.readouterr().out.splitlines()] == ["a", "b"]


def test_list_is_another_word_for_ls(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--output", "name", "-s", "b"]) == 0
    assert capsys.readouterr().out == "b\n"
    assert main(["models", "ls", "--output", "jsonn"]) == 2
    assert "did you mean 'json'?" in capsys.readouterr().err


def test_a_macro_that_does_not_exist_is_exit_2(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "run-operation", "nothing_like_this"]) == 2
    assert "no macro 'nothing_like_this'" in capsys.readouterr().err
    assert main(["models", "run-operation", "x", "--args", "[1]"]) == 2


def test_debug_says_what_would_be_used(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "debug"]) == 0
    said = capsys.readouterr().out
    for expected in (f"path: {project.database}", "target: dev", "profiles.yml file [OK found and valid]",
                     "Connection test: [OK connection ok]", "All checks passed!"):  # fmt: skip
        assert expected in said
    assert main(["models", "debug", "--connection"]) == 0
    assert "profiles.yml file" not in capsys.readouterr().out


def test_debug_of_a_project_that_cannot_be_read_is_exit_1(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    project.write({"profiles.yml": "other: {outputs: {}}\n"})
    assert main(["models", "debug"]) == 1
    said = capsys.readouterr().out
    assert "no profile 'toy'" in said
    assert "1 check failed" in said


def test_debug_prints_the_folder_of_the_profiles(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "debug", "--config-dir"]) == 0
    assert Path(capsys.readouterr().out.strip()).resolve() == project.folder


def test_clean_removes_the_target_folder_of_a_broken_project_too(
    project: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["models", "run", "-q"])
    project.write({"models/b.sql": "select * from {{ ref('nothing') }}"})
    assert main(["models", "clean"]) == 0
    assert not (project.folder / "target").exists()
    assert "Finished cleaning all paths." in capsys.readouterr().out


@pytest.mark.parametrize("place", ["..", "models", ".", "/tmp"])
def test_clean_removes_nothing_but_target_folders(project: Toy, capsys: pytest.CaptureFixture[str], place: str) -> None:
    text = (project.folder / "dbt_project.yml").read_text()
    project.write({"dbt_project.yml": text + f"clean-targets: ['{place}', target]\n", "target/x": ""})
    assert main(["models", "clean"]) == 2
    assert "clean-targets" in capsys.readouterr().err
    assert (project.folder / "target" / "x").exists()
    assert (project.folder / "models" / "a.sql").exists()


def test_deps_looks_at_local_packages(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "deps"]) == 0
    assert "No packages were found" in capsys.readouterr().out
    project.write({"packages.yml": "packages:\n  - local: helper\n"})
    assert main(["models", "deps"]) == 2
    assert "packages.yml:2: no dbt_project.yml in" in capsys.readouterr().err
    project.write({"helper/dbt_project.yml": "name: helper\n"})
    assert main(["models", "deps"]) == 0
    assert "Installed from <local @ helper>" in capsys.readouterr().out


def test_deps_says_what_to_do_of_a_package_of_the_hub(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    project.write({"packages.yml": "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.1.1\n"})
    assert main(["models", "deps"]) == 2
    said = capsys.readouterr().err
    assert "packages.yml:2: package dbt-labs/dbt_utils is not on this machine" in said
    assert "`- local: PATH`" in said
    project.write({"dbt_packages/dbt_utils/dbt_project.yml": "name: dbt_utils\n"})
    assert main(["models", "deps"]) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "-s", "a"), ("show", "model.toy.a")),
        (("show", "--inline", "select 2 as x"), ("show", "sql_operation.toy.inline_query")),
        (("compile", "--inline", "select 2 as x"), ("compile", "sql_operation.toy.inline_query")),
    ],
)
def test_an_answer_is_the_last_result(
    project: Toy, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: tuple[str, str]
) -> None:
    assert main(["models", "build"]) == 0
    assert main(["models", *words]) == 0
    results = json.loads((project.folder / "target" / "run_results.json").read_text())
    assert (results["args"]["which"], *(result["unique_id"] for result in results["results"])) == told
    assert results["results"][0]["status"] == "success"
