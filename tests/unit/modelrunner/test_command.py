"""`aa-engine models` as a program: flags, output, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import main

from .conftest import Toy


@pytest.fixture
def project(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    toy.write({"models/a.sql": "select 1 as id",
               "models/b.sql": "{{ config(materialized='table') }} select * from {{ ref('a') }}",
               "models/s.yml": "models: [{name: a, columns: [{name: id, data_tests: [unique]}]}]"})  # fmt: skip
    monkeypatch.setenv("TOY_DB", str(toy.database))
    monkeypatch.setenv("HOME", str(toy.folder.parent))
    monkeypatch.chdir(toy.folder)
    monkeypatch.setenv("DBT_PROFILES_DIR", ".")
    return toy


def test_a_build_prints_a_line_per_node_and_a_summary(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "build"]) == 0
    said = capsys.readouterr().out
    assert "1 of 3 OK created sql view model main.a ......" in said
    assert "PASS unique_a_id ......" in said
    assert "Done. PASS=3 WARN=0 ERROR=0 SKIP=0 NO-OP=0 TOTAL=3" in said


def test_json_output_is_one_object_a_line(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "run", "--output", "json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("unique_id") for line in lines] == ["model.toy.a", "model.toy.b", None]
    assert lines[-1]["exit_code"] == 0


def test_a_failing_node_is_exit_1(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    project.write({"models/a.sql": "select nope"})
    assert main(["models", "run"]) == 1
    assert "Failure in model a (models/a.sql)" in capsys.readouterr().out


def test_an_unreadable_project_is_exit_2(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    project.write({"models/b.sql": "select * from {{ ref('c') }}"})
    assert main(["models", "run"]) == 2
    assert "models/b.sql:1" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["run", "--no-such-flag"], ["runn"], [], ["run", "--threads", "many"]])
def test_wrong_usage_is_exit_2(project: Toy, words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["models", *words])
    assert caught.value.code == 2


def test_a_verb_that_is_not_supported_says_what_to_use(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "clone"]) == 2
    assert "is not supported" in capsys.readouterr().err


def test_flags_stand_before_or_after_the_verb(project: Toy) -> None:
    assert main(["models", "--fail-fast", "run", "--select", "a", "--vars", "{x: 1}"]) == 0
    assert main(["models", "run", "--fail-fast", "-s", "a"]) == 0


def test_an_empty_selection_is_exit_0(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "run", "--select", "nothing_like_this"]) == 0
    assert "'nothing_like_this' does not match any enabled nodes" in capsys.readouterr().out


def test_an_unknown_method_is_exit_2(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "ls", "--select", "tagg:x"]) == 2
    assert "did you mean 'tag'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], ["toy.a", "toy.b", "toy.unique_a_id"]),
        (["--output", "name"], ["a", "b", "unique_a_id"]),
        (["--resource-type", "model"], ["toy.a", "toy.b"]),
        (["--models", "a+"], ["toy.a", "toy.b"]),
        (["--output", "path", "-s", "b"], ["models/b.sql"]),
    ],
)
def test_listing(project: Toy, capsys: pytest.CaptureFixture[str], flags: list[str], expected: list[str]) -> None:
    assert main(["models", "ls", *flags]) == 0
    assert capsys.readouterr().out.splitlines() == expected


def test_listing_as_json_gives_the_keys_asked_for(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "ls", "--output", "json", "--output-keys", "name", "alias", "-s", "b"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "b", "alias": "b"}


def test_listing_needs_no_database(project: Toy) -> None:
    assert main(["models", "ls"]) == 0
    assert not project.database.exists()


def test_show_prints_rows(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "run", "--quiet"])
    assert main(["models", "show", "--inline", "select id + 1 as n from {{ ref('a') }}", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["show"] == [{"n": 2}]


def test_compile_shows_inline_sql(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "compile", "--inline", "select * from {{ ref('a') }}"]) == 0
    assert capsys.readouterr().out.strip() == 'select * from "toy"."main"."a"'


def test_a_warning_can_be_an_error(project: Toy) -> None:
    test = "{unique: {config: {severity: warn}}}"
    properties = f"models: [{{name: a, columns: [{{name: id, data_tests: [{test}]}}]}}]"
    project.write({"models/a.sql": "select 1 as id union all select 1", "models/s.yml": properties})
    assert main(["models", "build"]) == 0
    assert main(["models", "--warn-error", "build"]) == 1


def test_a_database_in_use_names_the_process(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(project.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert main(["models", "run"]) == 1
        assert f"in use by process {holder.pid}" in capsys.readouterr().err
    finally:
        holder.communicate("", timeout=20)


def test_the_packaged_project_is_the_default(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AA_", "DBT_"))}
    found = subprocess.run(
        [sys.executable, "-m", "engine.cli", "models", "ls", "--data-dir", str(tmp_path), "--resource-type", "model",
         "--output", "name", "--select", "fct_sessions"],
        cwd=tmp_path, env={**environment, "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.stdout.splitlines() == ["fct_sessions"], found.stderr
