"""What stands behind a number, as a text to read.

Owns the order in which it is told: the number and its meaning, whether its rows add up to it, the heaviest of them,
their prices, the SQL. Refuses arithmetic: the engine has done it, and says whether the sum is the number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from console.views import text
from console.views.context import Context, alias
from console.views.frame import wrap
from console.views.line import Line, Role, Span, clean, fit, line


def explain_lines(told: Mapping[str, Any], context: Context, width: int) -> Sequence[Line]:
    """The engine's account of one number."""
    lines: list[Line] = [
        line(Span(clean(f"{told['view']} · {_row(told, context)} · {told['column']}"), "dim")),
        line(Span(_value(told["column"], told["value"]), "strong")),
        *wrap(clean(str(told["definition"])), width),
        line(Span(f"as of {_when(told.get('as_of'), context)}, batch {told.get('batch_id')}", "dim")),
        (),
    ]
    account = told.get("account")
    if account:
        lines += _account(account, str(told["column"]), context, width)
    if told.get("reason"):
        lines += wrap(clean(f"no sum of rows: {told['reason']}"), width, "dim")
    if told.get("prices"):
        lines += [(), (Span("Prices, US dollars per million tokens", "header"),), *_prices(told["prices"], width)]
    lines += [(), (Span("SQL", "header"),)]
    for each in str(told["sql"]).splitlines():
        words = clean(each)
        lines += [(Span(words[at : at + width - 2], "dim"),) for at in range(0, max(1, len(words)), width - 2)]
    return lines


def _account(account: Mapping[str, Any], column: str, context: Context, width: int) -> list[Line]:
    shown, total = account["rows"], int(account["total"])
    verdict: tuple[str, Role] = ("", "dim")
    if account["adds_up"] is True:
        verdict = (f"they add up to exactly this: {_value(column, account['sum'])}", "good")
    elif account["adds_up"] is False:
        verdict = (f"they add up to {_value(column, account['sum'])}, which is something else", "bad")
    of = str(account["of"])
    lines: list[Line] = [line(Span(f"{total:,} {of}  ", "header"), Span(*verdict))]
    if account["adds_up"] is not None:
        lines.append(line(Span(clean(f"as {account['measure']}"), "dim")))
    if len(shown) < total:
        lines.append(line(Span(f"the {len(shown)} that weigh most:", "dim")))
    columns = _fitting(ROWS.get(of, ()), width)
    head = "  ".join(fit(title, size, align) for title, _, size, align in columns)
    lines.append((Span(fit(f"  {head}".rstrip(), width), "header"),))
    for row in shown:
        cells = "  ".join(fit(_cell(row, field, context), size, align) for _, field, size, align in columns)
        lines.append((Span(fit(f"  {cells}".rstrip(), width)),))
    return lines


Align = Literal["left", "right"]
ROWS: Mapping[str, tuple[tuple[str, str, int, Align], ...]] = {
    # The cost stands first: on 80 columns the end of the line is cut.
    "model calls": (
        ("TIME", "ts", 11, "left"),
        ("COST", "cost_usd", 12, "right"),
        ("MODEL", "model_name", 20, "left"),
        ("INPUT", "input_tokens", 5, "right"),
        ("CACHE", "cache", 5, "right"),
        ("OUTPUT", "output_tokens", 6, "right"),
        ("BASIS", "cost_basis", 8, "left"),
        ("TOLD BY", "sources", 16, "left"),
    ),
    "signs of model calls": (
        ("TIME", "ts", 11, "left"),
        ("SOURCE", "source", 10, "left"),
        ("TOKENS", "total_tokens", 6, "right"),
        ("COST", "cost_reported_usd", 12, "right"),
        ("MODEL", "model_name", 20, "left"),
        ("SESSION", "session_id", 8, "left"),
    ),
    "sessions": (
        ("BEGAN", "session_start", 11, "left"),
        ("SESSION", "session_id", 8, "left"),
        ("AGENT", "agent_type", 11, "left"),
        ("TOKENS", "total_tokens", 6, "right"),
        ("ACTIVE", "active_seconds", 6, "right"),
        ("TOOLS", "tool_call_count", 5, "right"),
        ("COST", "cost_usd", 12, "right"),
    ),
    "tool calls": (
        ("TIME", "ts", 11, "left"),
        ("TOOL", "tool_name", 20, "left"),
        ("DUR", "duration_ms", 6, "right"),
        ("RESULT", "success", 8, "left"),
        ("SESSION", "session_id", 8, "left"),
    ),
    "commits": (
        ("TIME", "commit_timestamp", 11, "left"),
        ("SHA", "commit_hash", 7, "left"),
        ("LINES+", "lines_added", 6, "right"),
        ("LINES-", "lines_deleted", 6, "right"),
        ("AGENT?", "attribution", 8, "left"),
        ("SUBJECT", "commit_subject", 40, "left"),
    ),
    "links of sessions with commits": (
        ("TIME", "commit_timestamp", 11, "left"),
        ("SHA", "commit_hash", 7, "left"),
        ("LINES+", "lines_added", 6, "right"),
        ("LINES-", "lines_deleted", 6, "right"),
        ("SURE", "confidence", 6, "right"),
        ("SUBJECT", "commit_subject", 40, "left"),
    ),
    "entries of the ledger": (
        ("DAY", "date", 10, "left"),
        ("SESSION", "session_id", 8, "left"),
        ("SURE", "confidence", 6, "right"),
        ("TOKENS", "total_tokens", 6, "right"),
        ("COST", "cost_usd", 16, "right"),
    ),
    "signs of an agent": (
        ("SIGN", "kind", 26, "left"),
        ("SURE", "confidence", 6, "right"),
        ("CLASS", "class", 16, "left"),
        ("SESSION", "session_id", 8, "left"),
    ),
    "days of sessions told by hooks": (
        ("DAY", "date", 10, "left"),
        ("SESSION", "session_id", 8, "left"),
        ("SIGNS", "event_count", 6, "right"),
    ),
    "days of developers and agents": (
        ("DAY", "date", 10, "left"),
        ("DEVELOPER", "developer_id", 14, "left"),
        ("AGENT", "agent_type", 12, "left"),
        ("VERDICT", "verdict", 20, "left"),
    ),
}
"""By what the rows are: titles, fields, widths."""


def _fitting(columns: Sequence[tuple[str, str, int, Align]], width: int) -> Sequence[tuple[str, str, int, Align]]:
    """The first columns that fit; the last one may be the narrower."""
    kept: list[tuple[str, str, int, Align]] = []
    room = width - 2
    for title, field, size, align in columns:
        if room < min(size, 12):
            break
        kept.append((title, field, min(size, room), align))
        room -= size + 2
    return kept


def _cell(row: Mapping[str, Any], field: str, context: Context) -> str:
    if field == "cache":
        return text.tokens((row["cache_read_tokens"] or 0) + (row["cache_write_tokens"] or 0))
    value = row.get(field)
    if value is None:
        return text.UNKNOWN
    if field in ("ts", "session_start", "commit_timestamp"):
        return _when(value, context)[5:]
    if field == "developer_id":
        return context.person(str(value), row.get("developer_name"))
    if field in ("session_id", "commit_hash"):
        return clean(str(value))[: 8 if field == "session_id" else 7]
    if field == "success":
        return "ok" if value else "failed"
    if field == "sources":
        return clean(", ".join(value))
    if field == "duration_ms":
        return text.milliseconds(int(value))
    if field == "active_seconds":
        return text.span(Decimal(str(value)))
    if field == "confidence":
        return f"{Decimal(str(value)):.2f}"
    return text.tokens(int(value)) if field.endswith("_tokens") else _value(field, value)


def _prices(prices: Sequence[Mapping[str, Any]], width: int) -> list[Line]:
    names = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    titles = ("INPUT", "READ", "WR 5M", "WR 1H", "OUTPUT")
    head = f"  {fit('MODEL', 21)}{fit('SPEED', 9)}{''.join(f'{title:>8}' for title in titles)}  FROM"
    lines: list[Line] = [(Span(fit(head, width), "header"),)]
    for price in prices:
        above = price["tier_above_input_tokens"]
        since = str(price["valid_from"])[:10]
        notes = ("" if since.startswith("1970") else since) + (f" above {text.tokens(above)}" if above else "")
        amounts = "".join(f"{price[f'{name}_usd_per_mtok'] or text.UNKNOWN:>8}" for name in names)
        lines.append(
            line(
                Span(fit(f"  {clean(price['model_id'])}", 23)),
                Span(fit(clean(price["speed"]), 9), "dim"),
                Span(amounts),
                Span(f"  {notes or 'always'} · {clean(price['price_source'])}", "dim"),
            )
        )
    return lines


def _row(told: Mapping[str, Any], context: Context) -> str:
    """The row's key; people's ids are hidden where names are."""
    key = str(told["row"])
    return alias(key) if context.anonymous and (told["view"] == "developers" or "@" in key) else key


def _value(column: str, value: Any) -> str:
    if value is None:
        return text.UNKNOWN
    if column.endswith("_usd"):
        return f"${Decimal(str(value)):,f}"
    return f"{value:,}" if isinstance(value, int) else clean(str(value))


def _when(value: Any, context: Context) -> str:
    if not isinstance(value, str):
        return text.UNKNOWN
    return datetime.fromisoformat(value).astimezone(context.zone).strftime("%Y-%m-%d %H:%M")
