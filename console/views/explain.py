"""What stands behind a number, as a text to read.

Owns the order in which it is told: the number and its meaning, whether its model calls add up to it, the heaviest of
them, their prices, the SQL. Refuses arithmetic: the engine has done it, and says whether the sum is the number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

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
    calls = told.get("calls")
    lines += _calls(calls, str(told["column"]), context, width) if calls else [
        *wrap("No sum of model calls: the SQL below is the whole account.", width, "dim")
    ]  # fmt: skip
    if told.get("prices"):
        lines += [(), (Span("Prices, US dollars per million tokens", "header"),), *_prices(told["prices"], width)]
    lines += [(), (Span("SQL", "header"),)]
    for each in str(told["sql"]).splitlines():
        words = clean(each)
        lines += [(Span(words[at : at + width - 2], "dim"),) for at in range(0, max(1, len(words)), width - 2)]
    return lines


def _calls(calls: Mapping[str, Any], column: str, context: Context, width: int) -> list[Line]:
    shown, total = calls["rows"], int(calls["total"])
    verdict: tuple[str, Role] = ("", "dim")
    if calls["adds_up"] is True:
        verdict = (f"they add up to exactly this: {_value(column, calls['sum'])}", "good")
    elif calls["adds_up"] is False:
        verdict = (f"they add up to {_value(column, calls['sum'])}, which is something else", "bad")
    lines: list[Line] = [line(Span(f"{total:,} model calls  ", "header"), Span(*verdict))]
    if len(shown) < total:
        lines.append(line(Span(f"the {len(shown)} that weigh most:", "dim")))
    # The cost stands first: on 80 columns the end of the line is cut.
    head = f"  {fit('TIME', 11)}{'COST':>14}  {fit('MODEL', 22)}{'INPUT':>6}{'CACHE':>7}{'OUTPUT':>8}  BASIS"
    lines.append((Span(fit(head, width), "header"),))
    for call in shown:
        cached = (call["cache_read_tokens"] or 0) + (call["cache_write_tokens"] or 0)
        lines.append(
            line(
                Span(f"  {_when(call['ts'], context)[5:]:<11}", "dim"),
                Span(f"{_value('cost_usd', call['cost_usd']):>14}  "),
                Span(fit(clean(call["model_name"] or text.UNKNOWN), 22)),
                Span(f"{text.tokens(call['input_tokens']):>6}{text.tokens(cached):>7}"),
                Span(f"{text.tokens(call['output_tokens']):>8}"),
                Span(f"  {clean(call['cost_basis'] or '')}", "dim"),
            )
        )
    return lines


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
