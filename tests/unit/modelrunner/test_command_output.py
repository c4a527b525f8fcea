"""What a run says: dbt's lines, its summary, its structured log, in colour where somebody looks."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest

from engine.cli import main
from engine.commands.models.log import EVENTS, Log
from engine.commands.models.report import Cancelled, Lines
from engine.commands.models.words import line

from .conftest import Toy


@pytest.fixture
def project(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    toy.write({"models/a.sql": "select 1 as id union all select 1",
               "models/b.sql": "{{ config(materialized='table') }} select * from {{ ref('a') }}",
               "models/c.sql": "\n\nselect nope from {{ ref('b') }}",
               "models/d.sql": "select * from {{ ref('c') }}",
               "seeds/s.csv": "id\n1\n2\n",
               "models/s.yml": "models:\n  - name: b\n    columns:\n      - name: id\n        data_tests:\n"
                               "          - not_null\n          - unique: {config: {severity: warn}}\n",
               "macros/m.sql": "{% macro hello(day='mon') %}{{ print('printed ' ~ day) }}"
                               "{% do log('logged ' ~ day, info=true) %}{% endmacro %}"})  # fmt: skip
    text = (toy.folder / "dbt_project.yml").read_text()
    toy.write({"dbt_project.yml": text + 'on-run-start: "select 1"\n'})
    monkeypatch.setenv("TOY_DB", str(toy.database))
    monkeypatch.setenv("HOME", str(toy.folder.parent))
    monkeypatch.setenv("DBT_PROFILES_DIR", ".")
    monkeypatch.chdir(toy.folder)
    return toy


def said(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The lines of standard output without their instants and durations."""
    main(["models", *words])
    lines = capsys.readouterr().out.splitlines()
    return [re.sub(r"in \d+\.\d\ds", "in 0.00s", re.sub(r"^\d\d:\d\d:\d\d  ", "", text)) for text in lines]


def events(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    main(["models", "--log-format", "json", *words])
    return [json.loads(text) for text in capsys.readouterr().out.splitlines()]


def test_lines_of_nodes_are_as_wide_as_dbt_s() -> None:
    assert line("1 of 18 START sql view model main.stg_a", "RUN", 80) == (
        "1 of 18 START sql view model main.stg_a ........................................ [RUN]"
    )


def test_a_run_is_told_line_by_line(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "build", "--threads", "1")
    assert lines[2].startswith("Found 4 models, 2 data tests, 1 seed, 1 operation, ")
    assert lines[4] == "Concurrency: 1 thread (target='dev')"
    for expected in (
        "1 of 1 OK hook: toy.on-run-start.0 ............................................. [OK in 0.00s]",
        "1 of 7 START sql view model main.a ............................................. [RUN]",
        "1 of 7 OK created sql view model main.a ........................................ [OK in 0.00s]",
        "OK created sql table model main.b ....................................... [OK 2 rows in 0.00s]",
        "OK loaded seed file main.s .............................................. [INSERT 2 in 0.00s]",
        "PASS not_null_b_id ...................................................... [PASS in 0.00s]",
        "WARN 1 unique_b_id ...................................................... [WARN 1 in 0.00s]",
        "ERROR creating sql view model main.c .................................... [ERROR in 0.00s]",
        "SKIP relation main.d .................................................... [SKIP]",
    ):
        # Numbers of nodes shift the dots; the rest of the line is what is compared.
        squeezed = re.sub(r"\.{3,}", "…", expected)
        assert any(re.sub(r"\.{3,}", "…", text).endswith(squeezed) for text in lines), expected


def test_a_run_says_how_many_nodes_go_at_once(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "build")[4] == "Concurrency: 2 threads (target='dev')"


def test_what_failed_stands_at_the_end_with_file_line_and_sql(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "build")
    end = lines[lines.index("Completed with 1 error, 0 partial successes, and 1 warning:") :]
    assert end[2] == "Failure in model c (models/c.sql)"
    assert "nope" in end[3]
    assert "  compiled code at target/compiled/toy/models/c.sql" in end
    assert "Warning in test unique_b_id (models/s.yml:7)" in end
    assert "  Got 1 result, configured to warn if != 0" in end
    assert end[-1] == "Done. PASS=5 WARN=1 ERROR=1 SKIP=1 NO-OP=0 TOTAL=8"


def test_success_says_so(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "run", "-s", "a")
    assert "Completed successfully" in lines
    assert any(text.startswith("Finished running 1 project hook, 1 view model in 0 hours 0 minutes") for text in lines)


def test_quiet_says_errors_only(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "--quiet", "run")
    assert [text.split(" ...")[0] for text in lines][:2] == [
        "3 of 4 ERROR creating sql view model main.c",
        "Failure in model c (models/c.sql)",
    ]
    assert said(capsys, "-q", "run", "-s", "a") == []


def test_the_level_of_the_log_can_be_chosen(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "--log-level", "warn", "build", "-s", "a", "b")
    assert lines[0].startswith("4 of 4 WARN 1 unique_b_id")
    assert said(capsys, "--log-level", "none", "run") == []
    assert any("Command `models run`" in text for text in said(capsys, "--log-level", "debug", "run", "-s", "a"))


def test_debug_shows_the_sql_of_each_node(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "--debug", "run", "-s", "b")
    assert 'On model.toy.b:  select * from "toy"."main"."a"' in lines


def test_the_debug_form_has_instant_level_and_thread(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "--log-format", "debug", "run", "-s", "a"])
    assert re.match(r"\d\d:\d\d:\d\d\.\d{6} \[info \] \[MainThread\]: Running with", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("flags", "coloured"), [(["--use-colors"], True), (["--no-use-colors"], False), ([], False)]
)  # fmt: skip
def test_colours_come_when_asked_for_or_when_somebody_looks(
    project: Toy, capsys: pytest.CaptureFixture[str], flags: list[str], coloured: bool
) -> None:
    main(["models", *flags, "build"])
    out = capsys.readouterr().out
    assert ("\x1b[31mERROR\x1b[0m in" in out) is coloured
    assert ("\x1b[33mWARN 1\x1b[0m in" in out) is coloured
    assert ("\x1b[32mPASS\x1b[0m in" in out) is coloured


def test_the_structured_log_is_dbt_s(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    found = events(capsys, "build")
    assert all(set(event) == {"data", "info"} for event in found)
    keys = {"category", "code", "extra", "invocation_id", "level", "msg", "name", "pid", "thread", "ts"}
    assert all(set(event["info"]) == keys for event in found)
    assert len({event["info"]["invocation_id"] for event in found}) == 1
    assert {event["info"]["name"] for event in found} >= {
        "MainReportVersion", "FoundStats", "ConcurrencyLine", "LogHookStartLine", "LogHookEndLine", "LogStartLine",
        "LogModelResult", "LogSeedResult", "LogTestResult", "SkippingDetails", "FinishedRunningStats",
        "EndOfRunSummary", "RunResultFailure", "RunResultError", "RunResultWarning", "SQLCompiledPath", "StatsLine",
    }  # fmt: skip


def test_the_structured_log_of_a_node_carries_what_dbt_s_does(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    by_name: dict[str, list[dict[str, Any]]] = {}
    for event in events(capsys, "build"):
        by_name.setdefault(event["info"]["name"], []).append(event)
    failed = next(event for event in by_name["LogModelResult"] if event["data"]["status"] == "error")
    assert (failed["info"]["code"], failed["info"]["level"]) == ("Q012", "error")
    node = failed["data"]["node_info"]
    assert (node["unique_id"], node["node_status"], node["materialized"]) == ("model.toy.c", "error", "view")
    assert node["node_relation"]["relation_name"] == '"toy"."main"."c"'
    warned = next(event for event in by_name["LogTestResult"] if event["data"]["status"] == "warn")
    assert (warned["data"]["num_failures"], warned["data"]["attached_node"]) == (1, "model.toy.b")
    assert warned["info"]["level"] == "warn"
    stats = by_name["StatsLine"][0]["data"]["stats"]
    assert stats == {"pass": 5, "warn": 1, "error": 1, "skip": 1, "noop": 0, "total": 8}


def test_an_error_before_the_run_is_an_event_too(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    project.write({"models/d.sql": "select * from {{ ref('cc') }}"})
    found = events(capsys, "run")
    assert found[-1]["info"]["name"] == "MainEncounteredError"
    assert "models/d.sql:1" in found[-1]["data"]["exc"]
    assert main(["models", "--log-format", "json", "run"]) == 2


def test_what_a_macro_prints_is_data_and_what_it_logs_is_talk(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "run-operation", "hello", "--args", "{day: tue}"]) == 0
    told = capsys.readouterr()
    assert told.out == "printed tue\n"
    assert "logged tue" in told.err
    assert main(["models", "--no-print", "run-operation", "hello"]) == 0
    assert capsys.readouterr().out == ""
    names = [event["info"]["name"] for event in events(capsys, "run-operation", "hello")]
    assert names == ["PrintEvent", "JinjaLogInfo"]


def test_json_output_of_a_run_is_one_object_a_node(project: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "run", "-s", "a", "b", "--output", "json"]) == 0
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [text.get("unique_id", "")[-1:] for text in lines] == ["0", "a", "b", ""]
    assert lines[-1]["exit_code"] == 0


def test_every_event_has_a_code_and_a_level() -> None:
    assert [name for name, (code, _) in EVENTS.items() if not re.fullmatch(r"[A-Z]\d{3}", code)] == []


class Screen:
    """A terminal that somebody watches."""

    live = True
    colours = False

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.shown: list[str | None] = []

    def out(self, line: str) -> None:
        self.lines.append(line)

    err = out

    def progress(self, line: str | None, done: int, total: int) -> None:
        self.shown.append(line)


def test_on_a_terminal_what_happens_now_is_one_line_that_goes_away(project: Toy) -> None:
    screen = Screen()
    loaded = project.load()
    runner = project.runner()
    runner.listener = Lines(loaded, Log(screen, "x"), 80, threading.Event())
    runner.run()
    assert screen.shown[1:3] == ["sql view model main.a", "sql table model main.b"]
    assert not any("START" in text for text in screen.lines)


def test_a_cancelled_run_stops_before_the_next_node(project: Toy) -> None:
    cancelled = threading.Event()
    screen = Screen()
    report = Lines(project.load(), Log(screen, "x"), 80, cancelled)

    class First(Lines):
        def ended(self, *arguments: Any) -> None:
            super().ended(*arguments)
            cancelled.set()

    report.__class__ = First
    runner = project.runner()
    runner.listener = report
    with pytest.raises(Cancelled):
        runner.run()
    assert project.rows("select count(*) from information_schema.tables where table_name in ('a', 'b')") == [(0,)]
