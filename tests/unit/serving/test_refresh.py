"""The keeper of the models: when it refreshes, and who may work between two refreshes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine import settings
from engine.contract import ChangeSet
from engine.errors import ModelError
from engine.serving.refresh import ModelKeeper, Turns
from engine.store.rows import RawRows, dedup_key
from engine.workspace import Workspace

LONGEST = 60.0
"""How long a test waits for another thread before it gives up."""

PROJECT = {
    "dbt_project.yml": "name: small\nversion: '1.0'\nprofile: small\n",
    "profiles.yml": "small: {target: dev, outputs: {dev: {type: duckdb, path: \"{{ env_var('AA_DATABASE') }}\"}}}\n",
    "models/sources.yml": "sources: [{name: raw, tables: [{name: git_commits, "
    "meta: {aa: {touches: {commit: commit_hash}}}}]}]\n",
    "models/commits.sql": """
{{ config(materialized='incremental', unique_key='commit_hash', incremental_strategy='delete+insert',
          meta={'aa': {'touched_by': 'commit', 'key': 'commit_hash'}}) }}
select commit_hash from {{ source('raw', 'git_commits') }}
{% if is_incremental() and var('aa_touched', false) %}
where commit_hash in (select key from aa_touched_commit)
{% endif %}
""",
}


class Kept:
    """A workspace over a small project, and the keeper of its models. `changes` is what the stream was told."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.write(PROJECT)
        chosen = settings.load(folder / "data", None, {"models.project_dir": str(self.project)})
        self.changes: queue.Queue[ChangeSet] = queue.Queue()
        self.workspace = Workspace.open(chosen, on_batch=lambda applied: self.keeper.notify(1))
        self.keeper = ModelKeeper(self.workspace, self.changes.put, 0.0)

    def write(self, files: dict[str, str]) -> None:
        """Write files below the project."""
        for name, text in files.items():
            path = self.project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def start(self) -> None:
        """Start the keeper and wait for the first build."""
        self.keeper.start()
        assert self.keeper.wait_built(LONGEST)

    def commit(self, name: str) -> None:
        """A commit arrives."""
        rows = RawRows()
        rows.append(
            "git_commits",
            {
                "dedup_key": dedup_key("git_commits", [name]),
                "commit_hash": name,
                "commit_timestamp": datetime(2026, 1, 1, tzinfo=UTC),
                "project_id": "p",
                "source": "api",
            },
        )
        self.workspace.path.recorder.record(rows).result(LONGEST)

    def commits(self) -> list[str]:
        """The commits that the model shows."""
        cursor = self.workspace.path.database.cursor()
        return [row[0] for row in cursor.execute("select commit_hash from main.commits order by 1").fetchall()]

    def wait_for_commit(self, name: str) -> None:
        """Until a change tells of the commit."""
        while name not in self.changes.get(timeout=LONGEST).commits:
            pass

    def trouble(self) -> str | None:
        """What keeps the models from being up to date now."""
        return self.keeper.trouble

    def close(self) -> None:
        self.keeper.stop()
        self.workspace.close()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    found = Kept(tmp_path)
    yield found
    found.close()


def test_what_arrives_is_shown_and_told(kept: Kept) -> None:
    kept.start()
    kept.commit("a")
    kept.wait_for_commit("a")
    assert kept.commits() == ["a"]


def test_an_edited_model_is_built_without_a_restart(kept: Kept) -> None:
    kept.commit("a")
    kept.start()
    kept.write({"models/count.sql": "select count(*) as n from {{ ref('commits') }}"})
    while "model.small.count" not in kept.changes.get(timeout=LONGEST).models:
        pass
    kept.commit("b")
    kept.wait_for_commit("b")
    cursor = kept.workspace.path.database.cursor()
    assert cursor.execute("select n from main.count").fetchall() == [(2,)]


def test_a_broken_edit_is_told_once_and_rows_go_on_being_shown(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    kept.start()
    kept.write({"models/count.sql": "select * from {{ ref('comits') }}"})
    kept.commit("a")
    kept.wait_for_commit("a")
    while kept.trouble() is None:
        kept.commit("b")
        kept.commit("c")
    kept.write({"models/count.sql": "select * from {{ ref('commits') }}"})
    while "model.small.count" not in kept.changes.get(timeout=LONGEST).models:
        pass
    kept.keeper.exclusively(lambda: None)
    while kept.trouble() is not None:
        pass
    said = capsys.readouterr().err
    assert said.count("did you mean 'commits'?") == 1


def test_the_state_says_how_far_the_models_are(kept: Kept) -> None:
    kept.commit("a")
    kept.start()
    kept.commit("b")
    kept.wait_for_commit("b")
    state = kept.keeper.state()
    assert state is not None
    assert state.standing is not None
    assert (state.standing.watermark, state.standing.relations) == (state.standing.newest, 1)


def test_no_refresh_runs_during_a_job(kept: Kept) -> None:
    kept.start()

    def job() -> list[str]:
        kept.commit("a")
        kept.workspace.path.flush(LONGEST)
        return kept.commits()

    assert kept.keeper.exclusively(job) == []
    kept.wait_for_commit("a")


def test_what_a_job_did_to_the_models_is_looked_at_again(kept: Kept) -> None:
    kept.commit("a")
    kept.start()

    def job() -> None:
        kept.workspace.path.database.cursor().execute("drop table main.commits")

    kept.keeper.exclusively(job)
    kept.commit("b")
    kept.wait_for_commit("b")
    assert kept.commits() == ["a", "b"]


def test_the_error_of_a_job_is_its_callers(kept: Kept) -> None:
    kept.start()

    def job() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        kept.keeper.exclusively(job)
    assert kept.keeper.trouble is None


def test_a_stopping_engine_takes_no_job(kept: Kept) -> None:
    kept.start()
    kept.keeper.stop()
    with pytest.raises(ModelError, match="stopping"):
        kept.keeper.exclusively(lambda: None)


def test_a_refresh_waits_for_the_end_of_a_job() -> None:
    turns = Turns()
    order: list[str] = []

    def refresh() -> None:
        with turns.of_refresh():
            order.append("refresh")

    with turns.of_job():
        thread = threading.Thread(target=refresh)
        thread.start()
        order.append("job")
    thread.join(LONGEST)
    assert order == ["job", "refresh"]


def test_a_waiting_job_goes_before_the_next_refresh() -> None:
    turns = Turns()
    order: list[str] = []
    waiting = threading.Event()

    def job() -> None:
        waiting.set()
        with turns.of_job():
            order.append("job")

    def refresh() -> None:
        with turns.of_refresh():
            order.append("refresh")

    with turns.of_refresh():
        first = threading.Thread(target=job)
        first.start()
        waiting.wait(LONGEST)
        while not turns.jobs_waiting:
            pass
        second = threading.Thread(target=refresh)
        second.start()
    first.join(LONGEST)
    second.join(LONGEST)
    assert order == ["job", "refresh"]
