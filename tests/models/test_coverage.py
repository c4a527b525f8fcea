"""Which sources spoke, and when their silence is an alarm. One team, one build: every developer is a case."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from engine.store.rows import RawRows
from tests.models.raw import commit, context, counter, evidence, line, log, request, rows
from tests.models.workbench import FILE_NAME, Workbench, merged

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (MONDAY + timedelta(days=days) for days in range(1, 5))
NEXT_MONDAY = MONDAY + timedelta(days=7)
LAST_FRIDAY = MONDAY - timedelta(days=3)
MINUTE = timedelta(minutes=1)
Told = Callable[..., RawRows]


def work(who: str, at: datetime, *sides: str, session: str = "", version: str = "2.1.8", **columns: Any) -> RawRows:
    """One request of a session (one a day where it has no name), told by telemetry, history or both."""
    name = f"{who}-{session or at.date()}"
    said = {
        "timestamp": at,
        "session_id": name,
        "developer_id": who,
        "service_version": version,
        "request_id": f"{name}-{at:%H%M%S}",
        **columns,
    }
    made: dict[str, Told] = {"telemetry": request, "history": line}
    return merged(made[side](**said) for side in sides)


def hooked(who: str, at: datetime, event: str = "prompt", session: str = "") -> RawRows:
    return context(timestamp=at, developer_id=who, session_id=f"{who}-{session or at.date()}", event=event)


BOTH = ("telemetry", "history")


def team() -> Iterator[RawRows]:
    """Every developer's two weeks."""
    # Both sides, then the history alone.
    yield work("stopped", MONDAY, *BOTH)
    yield work("stopped", TUESDAY, "history", session="t")
    yield work("stopped", TUESDAY + 5 * MINUTE, "history", session="t")
    # The exporter dies at 11:00, the work goes on until 16:00.
    for hour in range(8):
        yield work("midday", MONDAY + timedelta(hours=hour), *(BOTH if hour < 3 else ("history",)), session="m")
    # The last answer of a session is lost when the agent quits: minutes, no silence.
    yield work("quits", MONDAY, *BOTH, session="q")
    yield work("quits", MONDAY + 5 * MINUTE, "history", session="q")
    # A weekend without work, then both sides again.
    yield work("weekend", LAST_FRIDAY, *BOTH)
    yield work("weekend", MONDAY, *BOTH)
    # A weekend without work, then silence.
    yield work("after_weekend", LAST_FRIDAY, *BOTH)
    yield work("after_weekend", MONDAY, "history")
    # A new version does not export any more.
    yield work("upgraded", MONDAY, *BOTH, session="m")
    yield work("upgraded", MONDAY + timedelta(hours=4), *BOTH, session="n")
    yield work("upgraded", TUESDAY, "history", version="2.2.0")
    # The laptop tells everything, the desktop has a history alone.
    for hour in range(4):
        yield work("two_machines", MONDAY + timedelta(hours=hour), *BOTH, session="laptop")
        yield work("two_machines", MONDAY + timedelta(hours=hour, minutes=30), "history", session="desktop")
    # The same, but what the desktop did is next to nothing.
    yield work("two_machines_little", MONDAY, *BOTH, session="laptop", input_tokens=1_000_000)
    yield work("two_machines_little", MONDAY + MINUTE, "history", session="desktop")
    yield work("two_machines_little", MONDAY + timedelta(hours=1), *BOTH, session="laptop")
    # Never had telemetry, or never a history: a habit, no alarm.
    for day in (MONDAY, TUESDAY, WEDNESDAY):
        yield work("history_only", day, "history")
        yield work("telemetry_only", day, "telemetry")
    # The history was read once and is not read any more.
    yield work("unread", MONDAY, *BOTH)
    yield work("unread", TUESDAY, "telemetry")
    yield work("unread", WEDNESDAY, "telemetry")
    # Hooks tell of prompts, or only of a session that nobody used.
    yield work("hooks", MONDAY, "telemetry")
    yield hooked("hooks", TUESDAY)
    yield work("opened", MONDAY, "telemetry")
    yield hooked("opened", TUESDAY, "start")
    yield hooked("opened", TUESDAY + timedelta(hours=1), "end")
    # Commits bear the agent's sign; one was written last week and only rebased today.
    yield work("commits", MONDAY, "telemetry")
    yield work("rebased", MONDAY, "telemetry")
    for who, written in (("commits", TUESDAY), ("rebased", MONDAY)):
        sha = who.ljust(40, "0").replace("o", "0")
        yield commit(
            sha, author_email=who, developer_id=who, commit_timestamp=TUESDAY, author_timestamp=written, author_name=who
        )
        yield evidence(sha, "agent_trailer", agent_type="claude_code")
    # Silent for longer than a month before: forgotten.
    yield work("long_ago", MONDAY - timedelta(days=40), *BOTH)
    yield work("long_ago", MONDAY, "history")
    # Counters beside the history: telemetry speaks, though nothing is counted by it.
    for day in (MONDAY, TUESDAY):
        session = f"counters-{day.date()}"
        yield work("counters", day, "history")
        yield counter("input", 1000, timestamp=day + MINUTE, developer_id="counters", session_id=session)
    # Telemetry without session ids.
    yield work("nameless", MONDAY, "history")
    yield log(
        "api_request",
        timestamp=MONDAY,
        developer_id="nameless",
        session_id=None,
        model="claude-opus-4-8",
        input_tokens=7,
    )
    # Telemetry that comes back.
    yield work("back", MONDAY, *BOTH)
    yield work("back", TUESDAY, "history")
    yield work("back", WEDNESDAY, *BOTH)
    yield rows("copilot_metrics", date=MONDAY.date(), scope="user:octo", total_suggestions=4, total_acceptances=1)


@pytest.fixture(scope="module")
def covered(priced_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    folder = tmp_path_factory.mktemp("coverage")
    copyfile(priced_file, folder / FILE_NAME)
    bench = Workbench(folder)
    together = list(team())
    random.Random(7).shuffle(together)
    bench.take(*together)
    bench.build(every_test=True)
    yield bench
    bench.close()


def alarms(bench: Workbench, who: str) -> list[tuple[Any, ...]]:
    return bench.rows(
        "select distinct date, alarm from mart.fct_source_coverage where developer_id = ? and alarm is not null"
        " order by date",
        who,
    )


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("stopped", [(TUESDAY, "telemetry stopped")]),
        ("midday", [(MONDAY, "telemetry stopped")]),
        ("quits", []),
        ("weekend", []),
        ("after_weekend", [(MONDAY, "telemetry stopped")]),
        ("upgraded", [(TUESDAY, "telemetry stopped")]),
        ("two_machines", [(MONDAY, "telemetry missing")]),
        ("two_machines_little", []),
        ("history_only", []),
        ("telemetry_only", []),
        ("unread", [(WEDNESDAY, "history not read")]),
        ("hooks", [(TUESDAY, "telemetry stopped")]),
        ("opened", []),
        ("commits", [(TUESDAY, "telemetry stopped")]),
        ("rebased", []),
        ("long_ago", []),
        ("counters", []),
        ("nameless", []),
        ("back", [(TUESDAY, "telemetry stopped")]),
    ],
)
def test_a_silence_is_an_alarm_where_somebody_else_tells_of_work(
    covered: Workbench, who: str, expected: list[tuple[datetime, str]]
) -> None:
    assert alarms(covered, who) == [(at.date(), alarm) for at, alarm in expected]


def details(bench: Workbench, who: str) -> tuple[Any, ...]:
    return bench.row(
        "select distinct alarm_since, last_told_at, last_told_version, silent_version, silent_session_count,"
        " silent_tokens from mart.fct_source_coverage where developer_id = ? and alarm is not null",
        who,
    )


def test_an_alarm_says_since_when_and_what_is_missing(covered: Workbench) -> None:
    assert details(covered, "stopped") == (TUESDAY, MONDAY, "2.1.8", "2.1.8", 1, 2200)
    eleven, noon = MONDAY + timedelta(hours=2), MONDAY + timedelta(hours=3)
    assert details(covered, "midday") == (noon, eleven, None, "2.1.8", 1, 5500)


def test_an_alarm_after_an_upgrade_names_both_versions(covered: Workbench) -> None:
    assert details(covered, "upgraded")[2:4] == ("2.1.8", "2.2.0")


def test_one_of_two_machines_is_told_by_its_sessions_and_tokens(covered: Workbench) -> None:
    assert details(covered, "two_machines")[4:] == (1, 4400)


def test_an_alarm_is_of_now_until_a_newer_day_has_none(covered: Workbench) -> None:
    found = "select distinct is_latest from mart.fct_source_coverage where developer_id = ? and alarm is not null"
    assert covered.rows(found, "stopped") == [(True,)]
    assert covered.rows(found, "back") == [(False,)]


def test_each_source_stands_beside_what_was_counted(covered: Workbench) -> None:
    assert covered.rows(
        "select source, session_count, request_count, total_tokens, only_tokens, difference_tokens, cost_usd"
        " from mart.fct_source_coverage where developer_id = 'two_machines' order by 1"
    ) == [
        ("counted", 2, 8, 8800, 4400, None, Decimal("0.06")),
        ("log", 1, 4, 4400, 0, -4400, Decimal("0.03")),
        ("transcript", 2, 8, 8800, 4400, 0, Decimal("0.06")),
    ]


def test_counters_that_were_not_counted_show_what_they_said(covered: Workbench) -> None:
    assert covered.rows(
        "select source, total_tokens, difference_tokens, cost_usd from mart.fct_source_coverage"
        " where developer_id = 'counters' and date = ? and source <> 'counted' order by 1",
        MONDAY.date(),
    ) == [("metric", 1000, -100, None), ("transcript", 1100, 0, Decimal("0.0075"))]


def test_hooks_commits_and_vendors_speak_without_figures(covered: Workbench) -> None:
    assert covered.rows(
        "select developer_id, date, source, session_count, total_tokens, verdict from mart.fct_source_coverage"
        " where source in ('hook', 'commit', 'vendor') order by 1"
    ) == [
        ("commits", date(2026, 11, 17), "commit", 0, None, "telemetry stopped"),
        ("hooks", date(2026, 11, 17), "hook", 1, None, "telemetry stopped"),
        ("octo", date(2026, 11, 16), "vendor", None, None, "no figures"),
    ]
