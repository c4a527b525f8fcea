"""export, sql and developers: the same answers from a running engine and from the file alone."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.cli import main
from engine.client import connect, open_recorder, running_engine
from engine.settings import load
from tests.api.workspace import ALICE, BOB, CAROL, DAVE, team

PEOPLE = {ALICE, BOB, CAROL, DAVE}


@dataclass(frozen=True)
class Said:
    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the team, built by the offline recorder, and nobody running."""
    found = tmp_path_factory.mktemp("data")
    with open_recorder(load(found, None, {}, {})) as recorder:
        recorder.record(team()).result()
    return found


@pytest.fixture
def aa_engine(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line, in this process."""
    for name in [name for name in os.environ if name.startswith("AA_") or name == "DATA_DIR"]:
        monkeypatch.delenv(name)

    def run(folder: Path, *words: str) -> Said:
        capfdbinary.readouterr()
        code = main([words[0], "--data-dir", str(folder), *words[1:]])
        out, err = capfdbinary.readouterr()
        return Said(code, out, err.decode())

    return run


class TestExport:
    def test_csv_to_standard_output(self, folder: Path, aa_engine: Command) -> None:
        said = aa_engine(folder, "export", "sessions", "--filter", "dev:alice", "--sort", "session_id")
        rows = list(csv.DictReader(io.StringIO(said.text, newline="")))
        assert [row["session_id"] for row in rows] == ["s-live", "s-night"]
        assert said.err == ""

    def test_json_has_money_as_text(self, folder: Path, aa_engine: Command) -> None:
        rows = aa_engine(folder, "export", "costs", "--by", "developer", "--format", "json").json
        assert {row["key"]: row["cost_usd"] for row in rows}[ALICE] == "3.6"

    @pytest.mark.parametrize("format", ["parquet", "arrow"])
    def test_binary_formats_to_a_file(self, folder: Path, aa_engine: Command, format: str, tmp_path: Path) -> None:
        path = tmp_path / f"commits.{format}"
        said = aa_engine(folder, "export", "commits", "--format", format, "--output", str(path))
        table = pq.read_table(path) if format == "parquet" else pa.ipc.open_stream(path.read_bytes()).read_all()
        assert (said.code, table.num_rows) == (0, 4)
        assert said.err == f"4 rows in {path}\n"
        assert os.listdir(tmp_path) == [path.name]

    def test_a_spreadsheet_calculates_nothing(self, folder: Path, aa_engine: Command) -> None:
        rows = csv.DictReader(io.StringIO(aa_engine(folder, "export", "commits").text, newline=""))
        assert all(not value.startswith("=") for row in rows for value in row.values())

    def test_no_rows_are_an_empty_list(self, folder: Path, aa_engine: Command) -> None:
        said = aa_engine(folder, "export", "sessions", "--format", "json", "--filter", "dev:nobody")
        assert said.json == []

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (("sessionz",), "there is no view sessionz; did you mean sessions?"),
            (("sessions", "--filter", "devv:x"), "filter, column 1: unknown field devv; did you mean dev?"),
            (("sessions", "--since", "soon"), "since: soon is no time"),
            (("sessions", "--sort", "prise"), "cannot be sorted by prise"),
            (("costs", "--by", "weekday"), "by: weekday is none of"),
        ],
    )
    def test_what_is_wrong_is_one_line_and_exit_2(
        self, folder: Path, aa_engine: Command, words: tuple[str, ...], says: str
    ) -> None:
        said = aa_engine(folder, "export", *words)
        assert (said.code, said.out, said.err.count("\n")) == (2, b"", 1)
        assert says in said.err

    def test_a_file_that_cannot_be_written(self, folder: Path, aa_engine: Command, tmp_path: Path) -> None:
        said = aa_engine(folder, "export", "commits", "--output", str(tmp_path / "no" / "file.csv"))
        assert said.code == 1
        assert "cannot write" in said.err

    def test_without_data_it_says_what_to_do(self, tmp_path: Path, aa_engine: Command) -> None:
        said = aa_engine(tmp_path, "export", "sessions")
        assert said.code == 1
        assert "there is no data in" in said.err
        assert os.listdir(tmp_path) == []


class TestSql:
    def test_a_table_for_people(self, folder: Path, aa_engine: Command) -> None:
        said = aa_engine(
            folder, "sql", "select session_id, request_count n, cost_usd from mart.fct_sessions order by 1"
        )
        lines = said.text.splitlines()
        assert lines[0].split() == ["SESSION_ID", "N", "COST_USD"]
        assert lines[2].split() == ["s-live", "4", "0.6"]

    def test_json_and_csv(self, folder: Path, aa_engine: Command) -> None:
        text = "select sum(request_count) as n, 1.50::decimal(9, 2) as d, null as u, [1, 2] as l from mart.fct_sessions"
        assert aa_engine(folder, "sql", text, "--format", "json").json == [{"n": 8, "d": "1.5", "u": None, "l": [1, 2]}]
        assert aa_engine(folder, "sql", text, "--format", "csv").text == "n,d,u,l\r\n8,1.5,,1;2\r\n"

    def test_every_raw_table_can_be_looked_at(self, folder: Path, aa_engine: Command) -> None:
        for table in ("otel_logs", "git_commits", "model_prices"):
            said = aa_engine(folder, "sql", f"select * from raw.{table} limit 1", "--format", "json")
            assert (said.code, len(said.json)) == (0, 1)

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("delete from mart.fct_sessions", "only reading is allowed, not DELETE"),
            ("with x as (select 1) insert into raw.events select * from x", "not INSERT"),
            ("select 1; drop table raw.otel_logs", "one statement is expected, not 2"),
            ("copy (select 1) to '/tmp/x'", "not COPY"),
            ("attach '/tmp/x' as y", "not ATTACH"),
            ("set threads = 1", "not SET"),
            ("", "one statement is expected, not 0"),
            ("selec 1", "syntax error"),
            ("select nothing from mart.fct_sessions", "nothing"),
            ("explain analyze delete from mart.fct_sessions", "read-only"),
            ("select * from read_text('/etc/hostname')", "file system operations are disabled"),
        ],
    )
    def test_what_writes_or_is_wrong_is_refused(self, folder: Path, aa_engine: Command, text: str, says: str) -> None:
        said = aa_engine(folder, "sql", text)
        assert (said.code, said.out, said.err.count("\n")) == (2, b"", 1)
        assert says in said.err


class TestDevelopers:
    @pytest.fixture
    def own(self, tmp_path: Path) -> Path:
        with open_recorder(load(tmp_path, None, {}, {})) as recorder:
            recorder.record(team()).result()
        return tmp_path

    @staticmethod
    def people(aa_engine: Command, folder: Path) -> dict[str, list[str]]:
        rows = aa_engine(folder, "developers", "list", "--json").json
        return {row["developer_id"]: row["identities"] or [] for row in rows}

    def test_list_for_people(self, folder: Path, aa_engine: Command) -> None:
        lines = aa_engine(folder, "developers", "list").text.splitlines()
        assert lines[0].split() == ["DEVELOPER", "NAME", "E-MAILS", "IDENTITIES", "LAST", "SEEN"]
        assert [line.split()[0] for line in lines[1:]] == sorted(PEOPLE)

    def test_a_merge_tells_all_history_anew(self, own: Path, aa_engine: Command) -> None:
        assert aa_engine(own, "developers", "merge", CAROL, ALICE).code == 0
        assert self.people(aa_engine, own) == {ALICE: [f"developer:{CAROL}"], BOB: [], DAVE: []}
        sessions = aa_engine(own, "export", "sessions", "--format", "json", "--filter", "dev:alice").json
        assert {row["session_id"] for row in sessions} == {"s-live", "s-night", "s-unpriced"}
        assert aa_engine(own, "developers", "merge", ALICE, BOB).code == 0
        assert self.people(aa_engine, own) == {BOB: [f"developer:{ALICE}", f"developer:{CAROL}"], DAVE: []}

    def test_an_alias_comes_and_goes(self, own: Path, aa_engine: Command) -> None:
        assert aa_engine(own, "developers", "alias", BOB, "--email", CAROL).code == 0
        assert self.people(aa_engine, own)[BOB] == [f"email:{CAROL}"]
        assert CAROL not in self.people(aa_engine, own)
        assert aa_engine(own, "developers", "alias", BOB, "--email", CAROL, "--remove").code == 0
        assert set(self.people(aa_engine, own)) == PEOPLE

    def test_a_new_developer_is_said_to_be_new(self, own: Path, aa_engine: Command) -> None:
        said = aa_engine(own, "developers", "alias", "zoe", "--login", "zoe-acme")
        assert "zoe is new" in said.err

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (("merge", "carl@example.org", ALICE), "there is no developer carl@example.org; did you mean"),
            (("merge", ALICE, ALICE), "cannot be merged into itself"),
            (("alias", ALICE), "no identity is given"),
            (("alias", ALICE, "--login", " "), "an identity is empty"),
            (("alias", ALICE, "--login", "x", "--remove"), "x (--login) does not mean alice@example.org"),
        ],
    )
    def test_what_is_wrong_is_one_line_and_exit_2(
        self, folder: Path, aa_engine: Command, words: tuple[str, ...], says: str
    ) -> None:
        said = aa_engine(folder, "developers", *words)
        assert said.code == 2
        assert says in said.err


class TestWithARunningEngine:
    """The same commands while a real engine holds the file."""

    @pytest.fixture
    def running(self, tmp_path: Path) -> Iterator[Path]:
        with open_recorder(load(tmp_path, None, {}, {})) as recorder:
            recorder.record(team()).result()
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AA_TRANSCRIPTS_FOLLOW": "false"}
        words = ["serve", "--data-dir", str(tmp_path), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli", *words], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert process.stdout is not None
        try:
            assert json.loads(process.stdout.readline())["ready"] is True
            yield tmp_path
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()

    def test_everything_is_asked_of_the_engine(self, running: Path, aa_engine: Command) -> None:
        sessions = aa_engine(running, "export", "sessions", "--format", "json", "--filter", "dev:alice").json
        assert {row["session_id"] for row in sessions} == {"s-live", "s-night"}
        assert aa_engine(running, "sql", "select count(*) n from mart.fct_sessions", "--format", "json").json == [
            {"n": 4}
        ]
        assert {row["developer_id"] for row in aa_engine(running, "developers", "list", "--json").json} == PEOPLE
        for words in (("export", "nothing"), ("export", "costs", "--filter", "team:x"), ("sql", "select x")):
            said = aa_engine(running, *words)
            assert (said.code, said.err.count("\n")) == (2, 1), said
        assert "not DELETE" in aa_engine(running, "sql", "delete from raw.events").err
        assert aa_engine(running, "developers", "alias", BOB, "--login", "bob-acme").code == 0

    def test_the_status_of_an_engine_that_follows_nothing(self, running: Path) -> None:
        address = running_engine(load(running, None, {}, {}))
        assert address is not None
        with connect(address) as client:
            told = client.get("/api/v1/status").json()
        assert (told["ready"], told["rows"]["git_commits"], told["transcripts"]["requests"]) == (True, 4, 0)
