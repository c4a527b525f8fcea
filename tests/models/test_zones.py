"""Whose days the days are: midnights, days of 23 and 25 hours, weeks, and another zone than before."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.modelrunner.live import LiveLoop
from engine.serving.zone import Days, change, days
from tests.models.raw import commit, request
from tests.models.workbench import Workbench, project

DAYS = "select date, sum(input_tokens) from mart.fct_daily_usage group by date order by date"


def midnights(zone: str, first: date, count: int) -> list[datetime]:
    """When the days of a zone begin."""
    return [
        datetime.combine(first + timedelta(days=number), datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("zone", "first", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 28), [24, 23, 24]),
        ("Europe/Berlin", date(2026, 10, 24), [24, 25, 24]),
        ("America/New_York", date(2026, 10, 31), [24, 25, 24]),
        ("Australia/Lord_Howe", date(2026, 10, 3), [24, 23.5, 24]),
        ("Asia/Kolkata", date(2026, 11, 1), [24, 24, 24]),
        ("Pacific/Apia", date(2026, 11, 1), [24, 24, 24]),
    ],
)
def test_a_session_through_days_of_any_length_has_its_cost_on_each(
    open_bench: Callable[..., Workbench], zone: str, first: date, hours: list[float]
) -> None:
    bench = open_bench(report_timezone=zone)
    begins = midnights(zone, first, 4)
    assert [(end - begin) / timedelta(hours=1) for begin, end in itertools.pairwise(begins)] == hours
    told = []
    for number, (begin, end) in enumerate(itertools.pairwise(begins)):
        for at in (begin, end - timedelta(microseconds=1)):
            told.append(request(input_tokens=10**number, output_tokens=0, timestamp=at))
    bench.take(*told, commit("a1", commit_timestamp=begins[1]))
    bench.build()
    assert bench.rows(DAYS) == [(first + timedelta(days=number), 2 * 10**number) for number in range(3)]
    assert bench.rows("select distinct date from mart.fct_commit_costs order by 1") == [
        (first + timedelta(days=number),) for number in range(3)
    ]
    assert bench.row("select commit_date from mart.fct_git_commits") == (first + timedelta(days=1),)
    assert bench.row("select session_date, request_count from mart.fct_sessions") == (first, 6)


def test_weeks_begin_on_monday_of_the_zone(open_bench: Callable[..., Workbench]) -> None:
    bench = open_bench(report_timezone="America/New_York")
    monday = midnights("America/New_York", date(2026, 11, 16), 1)[0]
    bench.take(*(request(timestamp=monday + timedelta(seconds=seconds)) for seconds in (-1, 0, 1)))
    bench.build()
    week = "select week_start, sum(input_tokens) from mart.fct_daily_usage join mart.dim_dates using (date) group by 1"
    assert bench.rows(f"{week} order by 1") == [(date(2026, 11, 9), 1000), (date(2026, 11, 16), 2000)]
    assert bench.rows("select date, wtd_cost_usd / daily_cost_usd from mart.fct_agent_costs order by date") == [
        (date(2026, 11, 15), 1),
        (date(2026, 11, 16), 1),
    ]


def test_another_zone_makes_all_days_anew_and_says_so(open_bench: Callable[..., Workbench]) -> None:
    bench = open_bench(report_timezone="UTC")
    first = datetime(2026, 11, 18, 3, tzinfo=UTC)
    for zone, wanted in (
        ("UTC", [(date(2026, 11, 18), 2000)]),
        ("America/New_York", [(date(2026, 11, 17), 1000), (date(2026, 11, 18), 1000)]),
        ("Pacific/Apia", [(date(2026, 11, 18), 1000), (date(2026, 11, 19), 1000)]),
    ):
        before = days(bench.database.cursor())
        loop = LiveLoop(project(json.dumps({"report_timezone": zone})), bench.database.cursor)
        loop.start()
        if zone == "UTC":
            bench.take(request(timestamp=first), request(timestamp=first + timedelta(hours=9)))
            loop.refresh()
        loop.close()
        assert bench.rows(DAYS) == wanted
        said = change(before, days(bench.database.cursor()))
        if zone == "UTC":
            assert said is None
        else:
            assert said is not None
            assert said.startswith(f"days are those of {zone} now (they were those of ")
            assert said.endswith(f"made anew from {wanted[0][0]} to {wanted[-1][0]}")


def test_days_that_could_not_be_made_anew_are_told() -> None:
    before = Days("UTC", date(2026, 1, 1), date(2026, 11, 20), 200)
    kept = Days("Asia/Kolkata", date(2026, 1, 2), date(2026, 11, 21), 200)
    lost = Days("Asia/Kolkata", date(2026, 8, 23), date(2026, 11, 21), 90)
    assert "could" not in str(change(before, kept))
    assert str(change(before, lost)).endswith(
        "from 2026-01-01 to 2026-08-22 nothing could be: the requests of these days are no longer kept"
    )
    assert "none of the 200 days" in str(change(before, Days("Asia/Kolkata", None, None, 0)))
    assert change(before, Days("UTC", None, None, 0)) is None
    assert change(None, kept) is None
