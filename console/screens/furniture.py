"""What stands around the rows of a page, from the page alone: the filter line and the words instead of rows.

Owns the choice of words and figures. Refuses Textual: these are functions of a page, a context and a width.
"""

from __future__ import annotations

from collections.abc import Sequence

from console.keymap import BY_ID, applies
from console.screens.page import Page
from console.views import filterline, states
from console.views.context import Context
from console.views.line import Line, Span, cut_line, spread, width_of


def filter_line(page: Page, context: Context, width: int, tabs: Line) -> Line:
    """Filter or sections on the left, order and count on the right; on a wide screen the tabs before them."""
    lead = page.lead(context)
    filtered = applies(BY_ID["filter"], page.name)
    filter: Line = (Span("/ ", "key"), *filterline.coloured(page.filter)) if filtered else ()
    right = _order_and_count(page, context, with_order=lead is None or width >= 100)
    if tabs:
        gap: Line = (Span("    "),) if lead and filter else ()
        room = width - width_of(tabs) - width_of(right) - 7
        middle = cut_line((*(lead or ()), *gap, *filter), max(0, room))
        return spread((*tabs, Span("     "), *middle), right, width)
    if lead is not None:
        said: Line = (Span(f"{page.filter}   ", "dim"), *right) if filtered else tuple(right)
        if width_of(lead) + width_of(said) + 2 > width:
            said = said[:1] if filtered else ()
        return spread(cut_line(lead, max(0, width - width_of(said) - 2)), said, width)
    return spread(filter, right, width)


def _order_and_count(page: Page, context: Context, *, with_order: bool) -> Line:
    """`sort COST ▼   200 of 1,204 sessions`."""
    shown, total = len(page.rows(context)), page.total()
    spans: list[Span] = []
    column = next((each for each in page.columns if each.sort and each.sort == page.sort), None)
    if column is not None and with_order:
        spans.append(Span(f"sort {column.title} {'▼' if page.descending else '▲'}   ", "dim"))
    if total is not None:
        count = f"{total:,}" if shown >= total else f"{shown:,} of {total:,}"
        spans.append(Span(f"{count} {page.noun}", "dim"))
    return tuple(spans)


def message(page: Page, width: int) -> Sequence[Line]:
    """What stands instead of rows: an error, that they are on their way, or that none match."""
    error = page.sheet.errors.get("rows")
    if error is not None and error.kind != "filter":
        return states.failed(error, width)
    if not page.sheet.answered("rows"):
        return states.loading("loading")
    return states.nothing_matches(page.noun, page.filter, width, changed=page.narrowed)
