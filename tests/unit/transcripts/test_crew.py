"""Large imports: several processes read, and whatever ends one of them loses and doubles nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from engine.errors import EngineError
from engine.ingest import transcripts
from engine.ingest.transcript_crew import Crew, Setup, portions
from engine.ingest.transcript_files import FoundFile, find
from engine.ingest.transcript_state import FILE_NAME, known_files
from engine.ingest.transcripts import Progress, Summary, import_histories, reading_ahead, roots_of
from tests.unit.transcripts.conftest import Machine
from tests.unit.transcripts.support import (
    append_lines,
    codex_meta,
    prompt,
    reply,
    token_count,
    tool_result,
    tool_use,
    usage,
    write_lines,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def every_import_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "CREW_BYTES", 0)


def lay_out(machine: Machine, sessions: int = 30, replies: int = 20) -> None:
    """Sessions of two agents, each with prompts, tool calls and replies."""
    for number in range(sessions):
        lines = [prompt(0)]
        for step in range(1, replies):
            name = number * 1000 + step
            lines.append(reply(step, name, content=[tool_use(f"t{name}", "Bash", command="ls")]))
            lines.append(tool_result(step + 0.5, f"t{name}", "x" * 200))
        write_lines(machine.projects / f"p{number % 3}" / f"{number}.jsonl", lines)
        counts = [token_count(step, usage(1000 * step, 10 * step, step)) for step in range(1, 5)]
        write_lines(machine.sessions / f"rollout-{number}.jsonl", [codex_meta(), *counts])


@contextmanager
def together(machine: Machine, again: bool = False) -> Iterator[tuple[Crew | None, list[FoundFile]]]:
    """Readers at work on everything below the machine's folders."""
    files = find(roots_of(machine.settings, (), environment={}, home=machine.home))
    with reading_ahead(machine.settings, "dev@example.org", files, hash_key=b"key", again=again, readers=2) as crew:
        yield crew, files


def import_together(machine: Machine, told: list[Progress] | None = None, again: bool = False) -> Summary:
    """A large import."""
    roots = roots_of(machine.settings, (), environment={}, home=machine.home)
    with together(machine, again) as (crew, files):
        assert crew is not None
        return import_histories(
            machine.settings, machine.recorder, "dev@example.org", roots, hash_key=b"key", files=files, crew=crew,
            again=again, progress=(told if told is not None else []).append,
        )  # fmt: skip


def facts_of(machine: Machine) -> dict[str, list[str]]:
    """Every row by its key, without projects: those are looked up on the real disk by the readers."""
    tables = ("transcript_usage", "transcript_tool_calls", "session_context")
    left_out = ("project_id", "received_at", "dedup_key")  # a moment's key holds its project
    return {
        table: sorted(
            str({name: value for name, value in row.items() if name not in left_out})
            for row in machine.recorder.rows(table)
        )
        for table in tables
    }  # fmt: skip


def test_several_processes_tell_the_same_as_one(machine: Machine, tmp_path: Path) -> None:
    lay_out(machine)
    summary = import_together(machine)
    alone = Machine(machine.home, machine.settings, type(machine.recorder)())
    single = alone.import_(again=True)
    assert facts_of(machine) == facts_of(alone)
    for name in ("files_read", "bytes_read", "lines_read", "requests", "tool_calls", "prompts", "requests_by_agent"):
        assert getattr(summary, name) == getattr(single, name), name
    assert summary.files_read == 60


def test_progress_reaches_the_end(machine: Machine) -> None:
    lay_out(machine)
    told: list[Progress] = []
    import_together(machine, told)
    assert (told[-1].files_done, told[-1].bytes_done) == (told[-1].files_total, told[-1].bytes_total)
    assert [one.bytes_done for one in told] == sorted(one.bytes_done for one in told)


def test_a_later_import_reads_what_was_appended(machine: Machine) -> None:
    lay_out(machine)
    import_together(machine)
    added = reply(500, 999_999)
    append_lines(machine.projects / "p0/0.jsonl", [added])
    summary = import_together(machine)
    assert (summary.files_read, summary.files_unchanged, summary.bytes_read) == (1, 59, len(added) + 1)
    assert machine.requests()[-1] == "msg_999999"


def test_a_reader_that_dies_fails_the_import_and_the_next_one_completes_it(machine: Machine) -> None:
    lay_out(machine)
    roots = roots_of(machine.settings, (), environment={}, home=machine.home)
    with together(machine) as (crew, files):
        assert crew is not None
        for reader in crew._readers:
            os.kill(reader.pid, signal.SIGKILL)
        with pytest.raises(EngineError, match="a process that reads histories ended"):
            import_histories(
                machine.settings, machine.recorder, "dev@example.org", roots, hash_key=b"key", files=files, crew=crew
            )
    assert import_together(machine).requests > 0
    assert len(machine.recorder.rows("transcript_usage")) == 30 * 19 + 30 * 4 - 29 * 4


def test_work_goes_out_in_portions_of_bounded_size() -> None:
    files = [(FoundFile(str(number), None, 3 << 20, 0, 0, number), None) for number in range(10)]
    assert [len(portion) for portion in portions(files)] == [3, 3, 3, 1]
    small = [(FoundFile(str(number), None, 10, 0, 0, number), None) for number in range(100)]
    assert [len(portion) for portion in portions(small)] == [64, 36]


def test_leaving_early_ends_the_readers(machine: Machine) -> None:
    lay_out(machine)
    with together(machine) as (crew, _):
        assert crew is not None
    assert all(reader.returncode is not None for reader in crew._readers)


def test_a_reader_ends_with_its_importer() -> None:
    with Crew(1, Setup(None, b"")) as crew:
        (reader,) = crew._readers
        assert reader.stdin is not None
        reader.stdin.close()
        assert reader.wait(20) == 1


COMMAND = """
import os, sys
from engine.ingest import transcript_import, transcripts
transcripts.CREW_BYTES = 0
save = transcript_import.Positions.save
def save_and_die(self, *arguments):
    if sys.argv[1] == "after":
        save(self, *arguments)
    os.kill(os.getpid(), 9)
if sys.argv[1] != "never":
    transcript_import.Positions.save = save_and_die
from engine.cli import main
sys.exit(main(["import", "transcripts"]))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_import_killed_around_the_saving_of_positions_goes_on_without_loss_or_doubles(
    machine: Machine, moment: str, tmp_path: Path
) -> None:
    lay_out(machine, sessions=12, replies=60)
    environment = {
        **os.environ,
        "HOME": str(machine.home),
        "AA_DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT),
    }
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_DATA_HOME"):
        environment.pop(name, None)
    run = [sys.executable, "-c", COMMAND]
    killed = subprocess.run([*run, moment], env=environment, capture_output=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert known_files(tmp_path / "data" / FILE_NAME, machine.settings.database) == {}
    finished = subprocess.run([*run, "never"], env=environment, capture_output=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    with duckdb.connect(str(tmp_path / "data/agent_analytics.duckdb"), read_only=True) as connection:
        counted = "select count(*), count(distinct dedup_key) from raw."
        usages = connection.execute(f"{counted}transcript_usage").fetchone()
        calls = connection.execute(f"{counted}transcript_tool_calls").fetchone()
    assert usages == (12 * 59 + 4, 12 * 59 + 4)
    assert calls == (12 * 59, 12 * 59)
