"""The simulated team: the same seed does the same work, in formats that real agents use."""

from __future__ import annotations

import itertools
import random
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.simulate import plan, team, telemetry
from engine.simulate.repositories import Repository, message

NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)


def work(seed: int, hours: float, developers: int = 4) -> list[plan.Event]:
    drawn = team.draw(random.Random(seed), developers, 14.0)
    events = plan.team_events(seed, drawn, NOW - timedelta(hours=hours))
    return list(itertools.takewhile(lambda event: event.at < NOW, events))


def test_the_same_seed_gives_the_same_work() -> None:
    assert work(7, 24) == work(7, 24)


def test_another_seed_gives_other_work() -> None:
    assert work(7, 24) != work(8, 24)


def test_events_come_in_the_order_of_time() -> None:
    times = [event.at for event in work(3, 48)]
    assert times == sorted(times)


def test_a_session_starts_before_and_ends_after_everything_in_it() -> None:
    by_session: dict[str, list[plan.Event]] = {}
    for event in work(3, 48):
        by_session.setdefault(event.session.session_id, []).append(event)
    whole = [
        events
        for events in by_session.values()
        if isinstance(events[0], plan.Started) and isinstance(events[-1], plan.Ended)
    ]
    assert len(whole) > 5
    for events in whole:
        assert [event.sequence for event in events] == sorted(event.sequence for event in events)


def test_most_of_the_team_is_at_work_when_the_present_begins() -> None:
    recent = {event.session.developer.name for event in work(1, 1) if event.at > NOW - timedelta(minutes=15)}
    assert len(recent) >= 2


def test_the_same_seed_gives_the_same_telemetry() -> None:
    def fingerprints() -> list[str]:
        events = work(5, 6)
        documents = (telemetry.logs(event.session, [event], {}) for event in events)
        return [telemetry.digest(document) for document in documents if document is not None]

    assert fingerprints() == fingerprints()


def test_codex_counts_cached_tokens_inside_its_input() -> None:
    for event in work(2, 72, developers=8):
        if isinstance(event, plan.Requested) and event.session.agent == "codex":
            document = telemetry.logs(event.session, [event], {})
            assert document is not None
            records = document["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
            told = {item["key"]: item["value"] for item in records[-1]["attributes"]}
            assert int(told["input_token_count"]["stringValue"]) >= told["cached_token_count"]["intValue"]
            return
    pytest.fail("nobody used Codex")


def test_commits_become_real_ones_with_the_planned_lines(tmp_path: Path) -> None:
    planned = [event for event in work(1, 96, developers=6) if isinstance(event, plan.Committed)][:12]
    repository = Repository.create(tmp_path, "payments-api")
    found = repository.import_history(planned[:-1])
    found[planned[-1].commit_id] = repository.commit(planned[-1])
    shown = subprocess.run(
        ["git", "-C", str(repository.folder), "log", "--format=%H %ae %ct"], capture_output=True, text=True, check=True
    ).stdout.split("\n")[:-1]
    expected = [
        f"{found[event.commit_id]} {event.session.developer.email} {int(event.at.timestamp())}"
        for event in reversed(planned)
    ]
    assert shown == expected
    added = subprocess.run(
        ["git", "-C", str(repository.folder), "show", "--numstat", "--format=", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[0]
    assert int(added) == planned[-1].lines_added


def test_a_developer_without_trailers_leaves_none() -> None:
    for event in work(1, 96, developers=8):
        if isinstance(event, plan.Committed):
            assert ("o-authored-by" in message(event).lower()) is event.session.developer.trailers
