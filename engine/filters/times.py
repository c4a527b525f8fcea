"""Points in time as people write them.

Owns reading `15m`, `24h`, `7d`, `3w`, `today`, `yesterday`, `now` and ISO 8601, and turning them into instants: hours
and minutes are exact, days and weeks are calendar days of the report time zone that include today. Refuses any clock:
`now` and the zone are passed in, so a saved filter means the same thing again tomorrow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

SECONDS = {"ms": "0.001", "s": "1", "m": "60", "h": "3600", "d": "86400", "w": "604800"}
LONGEST_DAYS = 36_500
EARLIEST_YEAR, LATEST_YEAR = 1970, 2999


@dataclass(frozen=True, slots=True)
class Ago:
    """Exactly so many seconds before now."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Days:
    """The last `count` calendar days, today being the last of them."""

    count: int


@dataclass(frozen=True, slots=True)
class Day:
    """One calendar day of the report time zone."""

    day: date


@dataclass(frozen=True, slots=True)
class Named:
    """`now`, `today` or `yesterday`."""

    word: str


@dataclass(frozen=True, slots=True)
class Instant:
    """An ISO 8601 instant; naive means wall time in the report time zone."""

    instant: datetime


Moment = Ago | Days | Day | Named | Instant

_AGO = re.compile(r"(?:[0-9]{1,9}[smh])+", re.ASCII)
_PART = re.compile(r"([0-9]{1,9})([smh])", re.ASCII)
_DAYS = re.compile(r"([0-9]{1,5})([dw])", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[tT ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([zZ]|[+-][0-9]{2}:?[0-9]{2})?",
    re.ASCII,
)


def read_moment(text: str) -> Moment | None:
    """The moment that `text` names, or None when it names none."""
    word = text.lower()
    if word in ("now", "today", "yesterday"):
        return Named(word)
    if _AGO.fullmatch(word):
        seconds = sum(int(amount) * int(SECONDS[unit]) for amount, unit in _PART.findall(word))
        return Ago(seconds) if seconds <= LONGEST_DAYS * 86_400 else None
    if found := _DAYS.fullmatch(word):
        count = int(found[1]) * (7 if found[2] == "w" else 1)
        return Days(count) if 1 <= count <= LONGEST_DAYS else None
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text)
            return Day(day) if EARLIEST_YEAR <= day.year <= LATEST_YEAR else None
        if _INSTANT.fullmatch(text):
            instant = datetime.fromisoformat(text.upper())
            return Instant(instant) if EARLIEST_YEAR <= instant.year <= LATEST_YEAR else None
    except ValueError:
        return None
    return None


def write_moment(moment: Moment) -> str:
    """The text that reads back as `moment`."""
    match moment:
        case Ago(seconds):
            return f"{seconds}s"
        case Days(count):
            return f"{count}d"
        case Day(day):
            return day.isoformat()
        case Named(word):
            return word
        case Instant(instant):
            return instant.isoformat()


def begins(moment: Moment, now: datetime, zone: tzinfo) -> datetime:
    """The first instant that `since:` this moment includes, in UTC."""
    today = now.astimezone(zone).date()
    match moment:
        case Ago(seconds):
            return now.astimezone(UTC) - timedelta(seconds=seconds)
        case Days(count):
            return midnight(today - timedelta(days=count - 1), zone)
        case Day(day):
            return midnight(day, zone)
        case Named("now"):
            return now.astimezone(UTC)
        case Named(word):
            return midnight(today - timedelta(days=1 if word == "yesterday" else 0), zone)
        case Instant(instant):
            return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


def ends(moment: Moment, now: datetime, zone: tzinfo) -> datetime:
    """The first instant that `until:` this moment excludes, in UTC.

    A day named by its date, `today` or `yesterday` is included. `until:7d` ends where `since:7d` begins, so that
    `since:14d until:7d` is exactly the week before.
    """
    today = now.astimezone(zone).date()
    match moment:
        case Day(day):
            return midnight(day + timedelta(days=1), zone)
        case Named("today"):
            return midnight(today + timedelta(days=1), zone)
        case Named("yesterday"):
            return midnight(today, zone)
        case _:
            return begins(moment, now, zone)


def midnight(day: date, zone: tzinfo) -> datetime:
    """The instant at which `day` begins in `zone`, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
