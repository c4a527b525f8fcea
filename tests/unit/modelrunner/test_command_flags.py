"""Flags of `aa-engine models`: dbt's spelling, where they may stand, who else may say them, and what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.cli import main
from engine.commands.models.choices import choose, strictness
from engine.commands.models.flags import ALL, FLAGS
from engine.errors import EngineError

from .conftest import Toy


@pytest.fixture
def project(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    warning = "{accepted_values: {arguments: {values: [2]}, config: {severity: warn}}}"
    toy.write({"models/a.sql": "select {{ var('n', 1) }} as id",
               "models/b.sql": "{{ config(materialized='incremental') }} select * from {{ ref('a') }}",
               "models/s.yml": f"models: [{{name: a, columns: [{{name: id, data_tests: [{warning}]}}]}}]"})  # fmt: skip
    monkeypatch.setenv("TOY_DB", str(toy.database))
    monkeypatch.setenv("HOME", str(toy.folder.parent))
    monkeypatch.setenv("DBT_PROFILES_DIR", ".")
    monkeypatch.chdir(toy.folder)
    return toy


def arguments(toy: Toy) -> dict[str, object]:
    """What run_results.json says of the last run."""
    found: dict[str, object] = json.loads((toy.folder / "target" / "run_results.json").read_text())["args"]
    return found


@pytest.mark.parametrize(
    "flags",
    ["--cache-selected-only", "--no-partial-parse", "--log-cache-events", "--static-parser", "--no-version-check",
     "--no-populate-cache", "--use-experimental-parser", "--record-timing-info x", "--log-path logs", "--debug",
     "--log-level-file none", "--log-format-file json", "--no-send-anonymous-usage-stats", "--single-threaded",
     "--show-all-deprecations", "--printer-width 100", "--no-use-colors-file", "--no-write-json"],
)  # fmt: skip
def test_global_flags_of_dbt_stand_before_or_after_the_verb(project: Toy, flags: str) -> None:
    assert main(["models", *flags.split(), "run", "-s", "a"]) == 0
    assert main(["models", "run", "-s", "a", *flags.split()]) == 0


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("run --selct a", "did you mean --select?"),
        ("test --full-refresh", "No such option: --full-refresh"),
        ("seed --empty", "No such option: --empty"),
        ("run --resource-type model", "No such option: --resource-type"),
        ("debug --select a", "No such option: --select"),
        ("ls --sel a", "No such option: --sel"),
    ],
)
def test_a_flag_that_a_verb_does_not_take_is_exit_2(
    project: Toy, capsys: pytest.CaptureFixture[str], words: str, near: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["models", *words.split()])
    assert caught.value.code == 2
    assert near in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("run --sample 3d", "--empty"),
        ("build --event-time-start 2026-01-01", "--vars"),
        ("run --event-time-end 2026-01-01", "--vars"),
        ("build --export-saved-queries", "marts"),
        ("clone --state x", "build"),
        ("init shop", "copy"),
        ("sl query", "marts"),
    ],
)
def test_what_dbt_has_and_we_do_not_says_what_to_use(
    project: Toy, capsys: pytest.CaptureFixture[str], words: str, instead: str
) -> None:
    assert main(["models", *words.split()]) == 2
    said = capsys.readouterr().err
    assert "is not supported" in said
    assert instead in said


def test_the_command_line_wins_over_the_environment_and_the_environment_over_the_project(project: Toy) -> None:
    flags = {"indirect_selection": "cautious", "fail_fast": True, "printer_width": 60}
    environment = {"DBT_INDIRECT_SELECTION": "buildable", "DBT_FAIL_FAST": "0"}
    assert choose("run", {}, {}, flags).text("indirect_selection") == "cautious"
    assert choose("run", {}, environment, flags).text("indirect_selection") == "buildable"
    assert choose("run", {}, environment, flags).yes("fail_fast") is False
    assert choose("run", {"indirect_selection": "empty"}, environment, flags).text("indirect_selection") == "empty"
    assert choose("run", {}, environment, flags).number("printer_width") == 60


@pytest.mark.parametrize(
    ("variable", "name", "value"),
    [
        ("DBT_TARGET", "target", "prod"),
        ("DBT_FULL_REFRESH", "full_refresh", "1"),
        ("DBT_WARN_ERROR", "warn_error", "true"),
        ("DBT_ENGINE_FAIL_FAST", "fail_fast", "t"),
        ("DBT_QUIET", "quiet", "yes"),
        ("DBT_EMPTY", "empty", "on"),
        ("DBT_LOG_FORMAT", "log_format", "JSON"),
        ("DBT_USE_COLORS", "use_colors", "False"),
        ("DBT_STATE", "state", "before"),
        ("DBT_DEFER", "defer", "1"),
    ],
)
def test_variables_of_dbt_are_read(variable: str, name: str, value: str) -> None:
    choices = choose("run", {}, {variable: value}, {})
    assert name in choices.given
    assert choices.values[name] not in (None, "")


def test_a_variable_that_is_no_truth_value_is_exit_2(
    project: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DBT_FAIL_FAST", "perhaps")
    assert main(["models", "run"]) == 2
    assert "DBT_FAIL_FAST is 'perhaps'; use true or false" in capsys.readouterr().err


def test_the_project_may_be_named_by_a_variable(project: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder.parent)
    monkeypatch.setenv("DBT_PROJECT_DIR", "toy")
    monkeypatch.setenv("DBT_PROFILES_DIR", "toy")
    monkeypatch.setenv("DBT_TARGET_PATH", "elsewhere")
    assert main(["models", "run"]) == 0
    assert (project.folder / "elsewhere" / "run_results.json").is_file()


def test_the_target_of_the_command_line_is_the_schema_of_the_models(project: Toy) -> None:
    assert main(["models", "--target", "prod", "run", "-s", "a"]) == 0
    assert project.rows("select table_schema from information_schema.tables") == [("prod",)]


def test_a_choice_that_a_flag_does_not_have_is_exit_2(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "run", "--indirect-selection", "egaer"]) == 2
    assert "--indirect-selection takes no 'egaer'; did you mean 'eager'?" in capsys.readouterr().err


def test_the_flags_block_of_the_project_counts(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    text = (project.folder / "dbt_project.yml").read_text()
    project.write({"dbt_project.yml": text + "flags: {log_format: json}\n"})
    assert main(["models", "run", "-s", "a"]) == 0
    assert all(json.loads(line)["info"]["name"] for line in capsys.readouterr().out.splitlines())


def test_warnings_of_tests_are_failures_under_warn_error(project: Toy) -> None:
    assert main(["models", "build"]) == 0
    assert main(["models", "--warn-error", "build"]) == 1
    assert main(["models", "build", "--warn-error-options", "{error: [LogTestResult]}"]) == 1
    assert main(["models", "build", "--warn-error-options", "{error: all, warn: [LogTestResult]}"]) == 0


def test_selecting_nothing_is_an_error_under_warn_error(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--warn-error", "run", "-s", "nothing"]) == 2
    assert "'nothing' does not match any enabled nodes" in capsys.readouterr().err
    silent = "{silence: [NoNodesForSelectionCriteria, NothingToDo]}"
    assert main(["models", "run", "-s", "nothing", "--warn-error-options", silent]) == 0
    assert "nothing" not in capsys.readouterr().out


@pytest.mark.parametrize("options", ["{errors: all}", "{error: [1], warn: x}", "[error]"])
def test_warn_error_options_of_another_form_are_exit_2(project: Toy, options: str) -> None:
    assert main(["models", "run", "--warn-error-options", options]) == 2


def test_a_retry_runs_again_what_failed_with_the_variables_of_the_failed_run(project: Toy) -> None:
    project.write({"models/a.sql": "select 1 / {{ var('n') }} as id, cast('{{ var('n') }}' as int) as n"})
    assert main(["models", "run", "--vars", "{n: x}"]) == 1
    project.write({"models/a.sql": "select '{{ var('n') }}' as n"})
    assert main(["models", "retry"]) == 0
    assert project.rows("select n from main.a") == [("x",)]
    assert arguments(project)["which"] == "run"


def test_run_results_hold_the_flags_of_the_run(project: Toy) -> None:
    assert main(["models", "run", "-s", "a", "b", "--exclude", "b", "--vars", "{n: 3}", "--fail-fast"]) == 0
    found = arguments(project)
    assert (found["select"], found["exclude"], found["vars"]) == (["a", "b"], ["b"], {"n": 3})
    assert (found["fail_fast"], found["indirect_selection"], found["which"]) == (True, "eager", "run")


def test_templates_may_ask_for_flags(project: Toy) -> None:
    project.write({"models/a.sql": "select '{{ flags.INDIRECT_SELECTION }}' as mode, '{{ flags.WHICH }}' as verb"})
    assert main(["models", "run", "-s", "a", "--indirect-selection", "cautious"]) == 0
    assert project.rows("select * from main.a") == [("cautious", "run")]


def test_every_flag_is_taken_by_a_verb_and_says_what_it_does() -> None:
    assert [flag.name for flag in FLAGS if not set(flag.verbs) <= {*ALL}] == []
    assert [flag.name for flag in FLAGS if not flag.help and flag.refused is None] == []


def test_help_of_a_verb_names_its_flags_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["models", "seed", "--help"])
    said = capsys.readouterr().out
    assert "--full-refresh" in said
    assert "--inline" not in said
    assert "--sample" not in said


words = st.text(max_size=6)
values = st.one_of(st.booleans(), st.integers(), words, st.lists(words, max_size=3), st.none())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(ALL), st.dictionaries(st.sampled_from([flag.name for flag in FLAGS]), values))
def test_whatever_a_project_says_under_flags_is_taken_or_a_clear_error(verb: str, block: dict[str, object]) -> None:
    problem = None
    try:
        strictness(choose(verb, {}, {}, block))
    except EngineError as error:
        problem = error
    assert problem is None or (problem.exit_code, bool(problem.sentence)) == (2, True)


def test_folders_are_those_of_the_shell_and_the_target_path_that_of_the_project(
    project: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder.parent)
    place = ["--project-dir", "toy", "--profiles-dir", "toy", "--target-path", "made"]
    assert main(["models", "run", *place]) == 0
    assert (project.folder / "made" / "manifest.json").is_file()
