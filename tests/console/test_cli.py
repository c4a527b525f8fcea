"""The command: flags, exit codes, printing, and what starting it does not import."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli import read_options
from console.connect import running_engine
from console.export import cell, csv_line
from console.settings import WrongUse, default_data_dir
from tests.console.server import TinyEngine, serving

ROOT = Path(__file__).resolve().parents[2]


def run(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run aa-console without a terminal, with a home of its own."""
    clean = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "TZ": "UTC", **environment}
    return subprocess.run(
        [sys.executable, "-m", "console.cli", *words], capture_output=True, text=True, env=clean, cwd=home, check=False
    )


@pytest.fixture
def engine() -> Iterator[TinyEngine]:
    with serving(TinyEngine()) as served:
        yield served


class TestFlags:
    def test_help_has_an_example_and_every_flag(self, tmp_path: Path) -> None:
        done = run(tmp_path, "--help")
        assert done.returncode == 0
        flags = ("--engine", "--key", "--demo", "--view", "--filter", "--theme", "--print", "--format", "--no-mouse")
        for flag in (*flags, "--data-dir", "--version"):
            assert flag in done.stdout
        assert "aa-console --demo" in done.stdout

    def test_version(self, tmp_path: Path) -> None:
        assert run(tmp_path, "--version").stdout.startswith("aa-console 0.")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--view", "alerst"], "there is no view alerst"),
            (["--view", "commit"], "did you mean commits?"),
            (["--theme", "drak"], "did you mean dark?"),
            (["devv:alice"], "did you mean dev?"),
            (["--filter", "cost>x"], "column 6"),
            (["a", "--filter", "b"], "give the filter once"),
            (["--demo", "--engine", "http://x"], "leave out --engine"),
            (["--engine", "x"], "is no address"),
            (["--format", "xml"], "invalid choice"),
            (["--frobnicate"], "unrecognized"),
        ],
    )
    def test_wrong_use_is_one_line_and_exit_2(self, tmp_path: Path, words: list[str], said: str) -> None:
        done = run(tmp_path, *words)
        assert done.returncode == 2
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout == ""

    def test_flags_win_over_environment_and_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "console.yaml").write_text("engine: http://file:1\nkey: file\ntheme: light\n")
        monkeypatch.setenv("AA_ENGINE", "http://environment:1")
        monkeypatch.delenv("AA_API_KEY", raising=False)
        options = read_options(["--data-dir", str(tmp_path)], terminal=True)
        assert (options.engine, options.key, options.theme) == ("http://environment:1", "file", "light")
        options = read_options(["--data-dir", str(tmp_path), "--engine", "http://flag:1"], terminal=True)
        assert options.engine == "http://flag:1"

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"theme: dark\nengin: http://x\n", r"console.yaml:2: unknown setting engin; did you mean engine\?"),
            (b"key: a\ntheme: drak\n", r"console.yaml:2: there is no theme drak; did you mean dark\?"),
            (b"key: a\ntheme: \xff\n", r"console.yaml:2: not UTF-8 text"),
        ],
    )
    def test_a_wrong_file_is_named_with_its_line(self, tmp_path: Path, content: bytes, said: str) -> None:
        (tmp_path / "console.yaml").write_bytes(content)
        with pytest.raises(WrongUse, match=said):
            read_options(["--data-dir", str(tmp_path)], terminal=True)

    def test_the_demonstration_has_a_data_directory_of_its_own(self, tmp_path: Path) -> None:
        options = read_options(["--data-dir", str(tmp_path), "--demo"], terminal=True)
        assert options.engine_dir == tmp_path / "demo"

    def test_the_data_directory_is_the_engines(self) -> None:
        from engine import settings

        for environment in ({}, {"AA_DATA_DIR": "/a"}, {"DATA_DIR": "/b"}, {"XDG_DATA_HOME": "/c"}):
            assert default_data_dir(environment) == settings.default_data_dir(environment)

    def test_an_engine_whose_process_is_gone_is_not_running(self, tmp_path: Path) -> None:
        child = subprocess.Popen([sys.executable, "-c", ""])
        child.wait()
        told = {"pid": child.pid, "http": "http://127.0.0.1:1", "socket": None}
        (tmp_path / "engine.json").write_text(json.dumps(told))
        assert running_engine(tmp_path) is None
        (tmp_path / "engine.json").write_text(json.dumps({**told, "pid": os.getpid()}))
        assert running_engine(tmp_path) is not None
        (tmp_path / "engine.json").write_text("{")
        assert running_engine(tmp_path) is None


class TestPrinting:
    def test_a_table_for_people(self, tmp_path: Path, engine: TinyEngine) -> None:
        done = run(tmp_path, "--engine", engine.url, "--view", "developers", COLUMNS="100")
        assert done.returncode == 0
        assert "DEVELOPER" in done.stdout
        assert "Alice Fischer" in done.stdout
        assert "Erin 木村" in done.stdout

    @pytest.mark.parametrize("form", ["table", "csv", "json"])
    def test_a_full_disk_is_an_error_of_one_line(self, tmp_path: Path, engine: TinyEngine, form: str) -> None:
        clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "TZ": "UTC"}
        words = [sys.executable, "-m", "console.cli", "--engine", engine.url, "--print", "--format", form]
        with open("/dev/full", "wb") as full:
            done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, env=clean, check=False)
        assert (done.returncode, done.stderr) == (1, "aa-console: cannot write: No space left on device\n")

    @pytest.mark.parametrize("view", ["live", "cost", "commits", "developers"])
    def test_csv_and_json_have_every_row(self, tmp_path: Path, engine: TinyEngine, view: str) -> None:
        flags = ("--engine", engine.url, "--view", view, "--filter", "since:30d")
        table = list(csv.DictReader(io.StringIO(run(tmp_path, *flags, "--format", "csv").stdout)))
        told = json.loads(run(tmp_path, *flags, "--print", "--format", "json").stdout)
        assert len(table) == len(told) > 5
        assert set(table[0]) == set(told[0])

    def test_all_pages_are_printed(self, tmp_path: Path, engine: TinyEngine) -> None:
        one = engine.feed.recorded["sessions"][10]
        engine.feed.recorded["sessions"] = [dict(one, session_id=f"{number:08d}") for number in range(2500)]
        done = run(tmp_path, "--engine", engine.url, "--filter", "since:30d", "--format", "json")
        assert len({row["session_id"] for row in json.loads(done.stdout)}) == 2500

    def test_nothing_is_said_apart_from_the_data(self, tmp_path: Path, engine: TinyEngine) -> None:
        engine.feed.recorded.clear()
        done = run(tmp_path, "--engine", engine.url)
        assert done.returncode == 0
        assert "no data yet" in done.stderr
        assert done.stdout.split() == ["DEVELOPER", *done.stdout.split()[1:]]

    def test_an_engine_that_does_not_answer_is_exit_1(self, tmp_path: Path) -> None:
        with serving(TinyEngine()) as served:
            url = served.url
        done = run(tmp_path, "--engine", url, "--print")
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert "nobody answers" in done.stderr

    def test_a_missing_key_is_exit_1_and_says_what_to_do(self, tmp_path: Path) -> None:
        with serving(TinyEngine(key="aa_test_1")) as served:
            done = run(tmp_path, "--engine", served.url)
            assert done.returncode == 1
            assert "AA_API_KEY" in done.stderr
            assert run(tmp_path, "--engine", served.url, AA_API_KEY="aa_test_1").returncode == 0

    def test_cells_are_no_formulas(self) -> None:
        assert cell("=HYPERLINK(1)") == "'=HYPERLINK(1)"
        assert cell("-5.20") == "-5.20"
        assert cell(None) == ""
        assert cell(["a"]) == '["a"]'
        assert csv_line(['a"b', "c,d"]) == '"a""b","c,d"\n'


class TestImports:
    def loaded(self, code: str) -> set[str]:
        script = f"import sys\n{code}\nprint(' '.join(sorted(name.partition('.')[0] for name in sys.modules)))"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
        return set(done.stdout.split())

    HEAVY = {"textual", "plotext", "pandas", "numpy", "duckdb", "pyarrow", "grpc"}

    def test_the_command_line_stays_light(self) -> None:
        assert not self.loaded("import console.cli; console.cli.build_parser()") & (self.HEAVY | {"httpx", "yaml"})

    def test_printing_needs_no_textual(self) -> None:
        assert not self.loaded("import console.printing") & self.HEAVY

    def test_views_and_pages_need_no_textual(self) -> None:
        assert not self.loaded("import console.screens.pages, console.store, console.refresher") & self.HEAVY

    def test_starting_up_loads_neither_plots_nor_an_http_client(self) -> None:
        loaded = self.loaded("import console.app")
        assert "textual" in loaded
        assert not loaded & ((self.HEAVY | {"httpx", "yaml"}) - {"textual"})
