"""Moments: hours are exact, days are calendar days of the report time zone and include today."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.filters.times import begins, ends, read_moment

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 5, 23, 30, tzinfo=UTC)  # already the 6th in Berlin


def since(text: str, zone: ZoneInfo = BERLIN, now: datetime = NOW) -> str:
    moment = read_moment(text)
    assert moment is not None
    return begins(moment, now, zone).isoformat()


def until(text: str, zone: ZoneInfo = BERLIN, now: datetime = NOW) -> str:
    moment = read_moment(text)
    assert moment is not None
    return ends(moment, now, zone).isoformat()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("now", "2026-11-05T23:30:00+00:00"),
        ("15m", "2026-11-05T23:15:00+00:00"),
        ("24h", "2026-11-04T23:30:00+00:00"),
        ("1h30m", "2026-11-05T22:00:00+00:00"),
        ("today", "2026-11-05T23:00:00+00:00"),
        ("yesterday", "2026-11-04T23:00:00+00:00"),
        ("1d", "2026-11-05T23:00:00+00:00"),
        ("7d", "2026-10-30T23:00:00+00:00"),
        ("2026-11-01", "2026-10-31T23:00:00+00:00"),
        ("2026-11-01T10:00", "2026-11-01T09:00:00+00:00"),
        ("2026-11-01T10:00Z", "2026-11-01T10:00:00+00:00"),
        ("2026-11-01 10:00+0200", "2026-11-01T08:00:00+00:00"),
    ],
)
def test_since(text: str, instant: str) -> None:
    assert since(text) == instant


def test_weeks_are_calendar_days_across_the_change_of_clocks() -> None:
    # 3 weeks back lies before 25 October 2026, when Berlin was two hours ahead of UTC.
    assert since("3w") == "2026-10-16T22:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-01", "2026-11-01T23:00:00+00:00"),
        ("today", "2026-11-06T23:00:00+00:00"),
        ("yesterday", "2026-11-05T23:00:00+00:00"),
        ("2026-11-01T10:00Z", "2026-11-01T10:00:00+00:00"),
        ("15m", "2026-11-05T23:15:00+00:00"),
    ],
)
def test_until_includes_a_named_day(text: str, instant: str) -> None:
    assert until(text) == instant


def test_until_a_number_of_days_ends_where_since_begins() -> None:
    assert until("7d") == since("7d")


@pytest.mark.parametrize(
    "text",
    ["", "0d", "7", "d", "7y", "2026-02-30", "2026-1-1", "1969-12-31", "3000-01-01", "24:00", "99999d", "tomorrow"],
)
def test_what_is_no_moment(text: str) -> None:
    assert read_moment(text) is None


@pytest.mark.parametrize("text", ["36500d", "1970-01-01", "2999-12-31", "876000h"])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_ends_of_time_are_instants(text: str, zone: str) -> None:
    moment = read_moment(text)
    assert moment is not None
    assert begins(moment, NOW, ZoneInfo(zone)) <= ends(moment, NOW, ZoneInfo(zone))
