"""What every page is: a place in the console with its questions, its columns and its reader's position.

Owns the defaults that pages share: filter and time range as one text, order, window, crumbs. A page lives as long as it
can be gone back to, so going back finds the same row, sort and filter. Refuses Textual.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from console.cursor import Cursor
from console.feed import Query
from console.rows import Commit, Coverage, Developer, Request, Session, Tool, Trust
from console.store import PAGE, Sheet
from console.views.columns import Column
from console.views.context import Context
from console.views.daychart import DayChart
from console.views.figures import Figure, figures_of
from console.views.line import Line, Span
from engine.filters import Filter, Term, render
from engine.filters.parse import Text

_SINCE = re.compile(r"(?:^|(?<=\s))since:(\S+)")
_UNTIL = re.compile(r"(?:^|(?<=\s))until:(\S+)")


@dataclass(frozen=True, slots=True)
class Pane:
    """A box beside or below the table: a title and a drawing in the given size."""

    title: str
    draw: Callable[[int, int], Sequence[Line]]


class Page:
    """One place. Subclasses give questions, columns and drawings; everything here has a useful default."""

    name: ClassVar[str] = ""
    label: ClassVar[str] = ""
    view: ClassVar[str] = ""
    default_filter: ClassVar[str] = ""
    default_sort: ClassVar[str] = ""
    default_descending: ClassVar[bool] = True
    detail_height: ClassVar[int] = 5
    chart_height: ClassVar[int] = 0
    noun: ClassVar[str] = "rows"
    groups: ClassVar[Sequence[tuple[str, str, str]]] = ()

    def __init__(self, scope: Sequence[Term] = (), crumbs: Sequence[str] = (), filter: str | None = None) -> None:
        self.scope = tuple(scope)
        self.trail = tuple(crumbs)
        self.filter = self.default_filter if filter is None else filter
        self.first_filter = self.filter
        self.sort = self.default_sort
        self.descending = self.default_descending
        self.sheet = Sheet()
        self.details = Sheet()
        self.details_of: str | None = None
        self._detail_queries: Mapping[str, Query] = {}
        self.cursor = Cursor()
        self.following = False
        self.group_by = ""
        self.roomy = False

    # Questions

    def base(self, limit: int = PAGE) -> Query:
        """The page's own question."""
        rest, since, until = split_times(self.filter)
        scoped = " ".join(part for part in (render(Filter(self.scope)), rest) if part)
        return Query(self.view, scoped, since, until, sort=self.order(), limit=limit)

    def order(self) -> str:
        """The `sort` parameter."""
        return f"{'-' if self.descending else ''}{self.sort}" if self.sort else ""

    def queries(self) -> Mapping[str, Query]:
        """Questions by name; `rows` is the table's, the others are asked less often."""
        return {"rows": self.base(self.sheet.refresh_limit("rows"))}

    def detail_queries(self, row: Any) -> Mapping[str, Query]:
        """Questions about the row under the cursor."""
        return {}

    def wanted_details(self) -> Mapping[str, Query]:
        """The questions about the row the cursor rests on; `attend` says which row that is."""
        return self._detail_queries

    def attend(self, row: Any | None) -> None:
        """The cursor rests on this row: its details are wanted, those of another row are forgotten."""
        key = row.key if row is not None else None
        if key != self.details_of:
            self.details_of, self.details = key, Sheet()
        self._detail_queries = self.detail_queries(row) if row is not None else {}

    # Rows

    @property
    def columns(self) -> Sequence[Column]:
        """All columns in order, those with priority ≥ 90 only when the reader asks for wide columns."""
        return ()

    def rows(self, context: Context) -> Sequence[Any]:
        """What the table shows."""
        return self.sheet.rows("rows")

    def current(self, context: Context) -> Any | None:
        """The row under the cursor."""
        place = self.cursor.index
        rows = self.rows(context)
        return rows[place] if place is not None and place < len(rows) else None

    def open(self, row: Any, context: Context) -> Page | None:
        """Where `enter` leads; None: this is the innermost."""
        return None

    def sibling(self, by: int) -> Page | None:
        """The next (1) or previous (-1) section of this page; None: it has one section."""
        return None

    def group(self, by: str) -> None:
        """Group by something else, where a page can."""

    def next_error(self, by: int) -> bool:
        """To the next (1) or previous (-1) error; False: there is none that way."""
        return False

    def newest(self, count: int) -> int:
        """Where the newest of `count` rows stands: what following means."""
        return 0

    def record(self, row: Any) -> Any:
        """What `Y` copies: the row itself."""
        return row

    def number(self, row: Any) -> Mapping[str, str] | None:
        """The row's first figure, as the engine is asked: its view, the row's key and the column. None: it has none."""
        return cost_of(row)

    def figures(self, row: Any) -> Sequence[Figure]:
        """What `i` can explain here, the likeliest first."""
        return (*figures_of(self.number(row)), *self.totals())

    def totals(self) -> Sequence[Figure]:
        """The figures in the title that can be explained."""
        return ()

    def copy_text(self, row: Any) -> str:
        """What `y` copies."""
        return str(row.key)

    # Drawings

    def crumbs(self, context: Context) -> Sequence[str]:
        """The path in the title bar."""
        return (*self.trail, self.label)

    def heading(self, context: Context) -> str:
        """The title of the table's box on a large screen."""
        return self.label

    def middle(self, context: Context, width: int) -> Line:
        """The figures in the title bar."""
        return ()

    def lead(self, context: Context) -> Line | None:
        """What stands in the filter line instead of the filter (sections of a page)."""
        return None

    def chart(self, context: Context) -> DayChart | None:
        """The chart above the table, where the page has room for one; None: nothing is known yet."""
        return None

    def detail_title(self, row: Any, context: Context) -> str:
        """The title of the details."""
        return ""

    def detail(self, row: Any, context: Context, width: int, height: int) -> Sequence[Line]:
        """The details of the row under the cursor."""
        return ()

    def panes(self, context: Context, *, large: bool) -> Sequence[Pane]:
        """Boxes below the table."""
        return ()

    def beside_chart(self, context: Context) -> Pane | None:
        """A box beside the chart on a large screen."""
        return None

    def total(self) -> int | None:
        """How many rows match in all."""
        known = self.sheet.metadata("rows").total
        return known if known is not None else (len(self.sheet.rows("rows")) if self.sheet.answered("rows") else None)

    # Filter

    @property
    def narrowed(self) -> bool:
        """Whether the reader's filter differs from the page's own."""
        return self.filter.strip() != self.first_filter.strip()

    def set_range(self, since: str) -> None:
        """Another time range, as a term of the filter; an empty text takes it away."""
        without = _UNTIL.sub("", _SINCE.sub("", self.filter))
        term = f"since:{since}" if since else ""
        self.filter = " ".join(f"{without} {term}".split())

    @property
    def range(self) -> str:
        """The time range in force, as written."""
        found = _SINCE.search(self.filter)
        return found[1] if found else ""


def cost_of(row: Any) -> Mapping[str, str] | None:
    """How the engine is asked about a row; None: it has no figure of its own."""
    match row:
        case Session():
            view, key = "sessions", f"{row.agent_type} {row.session_id}"
        case Request():
            view, key = "requests", row.request_key
        case Commit():
            view, key = "commits", f"{row.project_id} {row.commit_hash}"
        case Developer():
            view, key = "developers", row.developer_id or "unknown"
        case Tool():
            view, key = "tools", row.tool_call_key
        case Coverage():
            view, key = "coverage", row.coverage_key
        case _:
            return None
    return {"view": view, "row": key, "column": "cost_usd"}


def total_of(query: Query) -> Sequence[Figure]:
    """Sums over everything that a question finds."""
    asked = query.parameters()
    around: dict[str, str] = {name: asked[name] for name in ("filter", "since", "until") if name in asked}
    return figures_of({"view": "trust", "row": "all", **around}, "all rows: ")


def silent_sources(trust: Sequence[Trust]) -> tuple[str, str] | str:
    """`! 2 silent (c)`: how many developers have a source that fell silent, and the key that tells of it."""
    count = trust[0].alarm_developer_count if trust else None
    return (f"! {count} silent", "(c)") if count else ""


def split_times(filter: str) -> tuple[str, str, str]:
    """A filter without its times, and the times: the engine compares with the time before only if it knows them."""
    since, until = _SINCE.search(filter), _UNTIL.search(filter)
    rest = " ".join(_UNTIL.sub("", _SINCE.sub("", filter)).split()) if '"' not in filter else filter
    if rest == filter:
        return filter, "", ""
    return rest, since[1] if since else "", until[1] if until else ""


def is_(field: str, value: str) -> Term:
    """`field:value`, whatever characters the value has."""
    return Term(field, ":", (Text((value,)),))


def lacks(field: str) -> str:
    """Rows without any value in a field."""
    return f"-{field}:*"


def figures(*parts: tuple[str, str] | str) -> Line:
    """`4 live · 11 today · $18.42`: parts joined by dots, a number in strong and its word dim."""
    spans: list[Span] = []
    for part in parts:
        if not part:
            continue
        if spans:
            spans.append(Span(" · ", "dim"))
        if isinstance(part, str):
            spans.append(Span(part, "dim"))
        else:
            spans += [Span(part[0], "strong"), Span(f" {part[1]}" if part[1] else "", "dim")]
    return tuple(span for span in spans if span.text)
