"""Numbers, money, durations and instants as people read them.

Owns the humanised forms (1.8M, $4.210, 12m, n/a) and their one rule: unknown is `n/a`, never 0. Refuses locale and
the clock; now and the time zone are passed in.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal

UNKNOWN = "n/a"
MINUS = "−"


def count(value: int | None) -> str:
    """1234 → 1,234."""
    return UNKNOWN if value is None else f"{value:,}"


def tokens(value: int | None) -> str:
    """950, 12.3k, 902k, 1.8M, 61.2M, 1.2G: at most five cells."""
    if value is None:
        return UNKNOWN
    if value < 1000:
        return str(value)
    for unit, size in (("k", 10**3), ("M", 10**6), ("G", 10**9), ("T", 10**12)):
        scaled = value / size
        if scaled < 9.95:
            return f"{scaled:.1f}{unit}"
        if scaled < 99.95 and unit != "k":
            return f"{scaled:.1f}{unit}"
        if scaled < 999.5:
            return f"{scaled:.0f}{unit}"
    return f"{value / 10**12:.0f}T"


def money(value: Decimal | None, digits: int | None = None) -> str:
    """$0.0042, $0.512, $4.210, $96.20, $1,284: fewer decimals as it grows; `digits` fixes them."""
    if value is None:
        return UNKNOWN
    size = abs(value)
    if digits is None:
        digits = 2 if size == 0 or size >= 10 else 3 if size >= Decimal("0.01") else 4
        if size >= 100_000:
            digits = 0
    rounded = size.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    if size > 0 and rounded == 0:
        return f"<${Decimal(1).scaleb(-digits)}"
    return f"{MINUS if value < 0 else ''}${rounded:,}"


def cents(value: Decimal | None) -> str:
    """Money with two decimals, as in sums: $1,284.10."""
    if value is None:
        return UNKNOWN
    return money(value, 2)


def percent(part: Decimal | int | float | None, whole: Decimal | int | float | None) -> str:
    """part/whole as 88%; n/a when there is nothing to divide by."""
    if part is None or not whole:
        return UNKNOWN
    return f"{Decimal(part) * 100 / Decimal(whole):.0f}%"


def difference(now: Decimal | None, before: Decimal | None) -> str:
    """+31%, −4%, `new` when there was nothing before."""
    if now is None or before is None:
        return UNKNOWN
    if before == 0:
        return "new" if now else "0%"
    change = int(((now - before) * 100 / before).to_integral_value(ROUND_HALF_UP))
    if change > 999:
        return ">999%"
    return f"{MINUS if change < 0 else '+'}{abs(change)}%"


def span(seconds: float | Decimal | None) -> str:
    """A length of time: 0.3s, 18s, 12m, 1h22m, 41h, 12d."""
    if seconds is None:
        return UNKNOWN
    value = float(seconds)
    if value < 10:
        return f"{value:.1f}s"
    if value < 60:
        return f"{value:.0f}s"
    minutes = int(value // 60)
    if minutes < 60:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 10:
        return f"{hours}h{minutes:02d}m"
    if hours < 72:
        return f"{hours}h"
    return f"{hours // 24}d"


def milliseconds(value: Decimal | int | None) -> str:
    """A duration given in milliseconds."""
    return UNKNOWN if value is None else span(Decimal(value) / 1000)


def hours(seconds: float | Decimal | None) -> str:
    """Hours with one decimal: 4.2h."""
    return UNKNOWN if seconds is None else f"{float(seconds) / 3600:.1f}h"


def ago(instant: datetime | None, now: datetime) -> str:
    """How long ago, coarse on purpose so that it rarely changes: now, 20s, 12m, 2h, 3d, 5w."""
    if instant is None:
        return UNKNOWN
    seconds = (now - instant).total_seconds()
    if seconds < 10:
        return "now"
    if seconds < 60:
        return f"{int(seconds // 10) * 10}s"
    if seconds < 3600:
        return f"{int(seconds // 60)}m"
    if seconds < 48 * 3600:
        return f"{int(seconds // 3600)}h"
    if seconds < 60 * 86400:
        return f"{int(seconds // 86400)}d"
    return f"{int(seconds // (7 * 86400))}w"


def clock(instant: datetime | None, zone: tzinfo = UTC) -> str:
    """14:02:11 in the reader's zone."""
    return UNKNOWN if instant is None else instant.astimezone(zone).strftime("%H:%M:%S")


def when(instant: datetime | None, now: datetime, zone: tzinfo = UTC) -> str:
    """today  14:02, Wed    16:21, 03 Nov 09:03, 2025-11-03: twelve cells, the times below each other."""
    if instant is None:
        return UNKNOWN
    local, today = instant.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        return local.strftime("today  %H:%M")
    if timedelta(0) < today - local.date() < timedelta(days=7):
        return local.strftime("%a    %H:%M")
    if abs(today - local.date()) < timedelta(days=300):
        return local.strftime("%d %b %H:%M")
    return local.strftime("%Y-%m-%d")


def day(value: date) -> str:
    """Oct 22."""
    return f"{value.strftime('%b')} {value.day}"


def signed_lines(added: int | None, deleted: int | None) -> str:
    """+184 −37."""
    if added is None and deleted is None:
        return UNKNOWN
    return f"+{added or 0:,} {MINUS}{deleted or 0:,}"


def short_sha(commit_hash: str) -> str:
    """The first seven characters, as git shows them."""
    return commit_hash[:7]


def short_session(session_id: str | None) -> str:
    """Enough of a session id to recognise it: the first eight characters."""
    return "no session" if not session_id else session_id[:8]


def short_model(name: str | None) -> str:
    """`claude-sonnet-4-5-20250929` → `sonnet-4-5`: the vendor's prefix and the date say nothing here."""
    if not name:
        return UNKNOWN
    short = name.rsplit("/", 1)[-1].removeprefix("claude-")
    head, _, tail = short.rpartition("-")
    if head and len(tail) == 8 and tail.isdigit():
        short = head
    return short
