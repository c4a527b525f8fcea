"""Commits as columns and details.

Owns how a link between a commit and a session is told: what it is, how sure, how it is known. Refuses to judge: a
commit of somebody without telemetry is unknown, not human.
"""

# ruff: noqa: E501  (one column, one line)
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from console.rows import Commit
from console.views import cells, text
from console.views.chart import columns as column_chart
from console.views.columns import Column
from console.views.context import Context, project
from console.views.frame import wrap
from console.views.line import Line, Role, Span, clean, fit, line


def _author(row: Commit, context: Context) -> Span:
    return cells.maybe(
        context.person(row.developer_id or row.author_email, row.developer_name or row.author_name), "strong"
    )


def _lines(value: int | None, sign: str, role: Role) -> Span:
    if not value:
        return Span(text.UNKNOWN if value is None else "0", "dim")
    return Span(f"{sign}{value:,}", role)


COLUMNS = (
    Column("when", "WHEN", 12, lambda row, context: cells.maybe(text.when(row.commit_timestamp, context.now, context.zone)), 1, sort="commit_timestamp", letter="w"),
    Column("sha", "SHA", 7, lambda row, context: Span(text.short_sha(row.commit_hash), "accent"), 0),
    Column("developer", "DEVELOPER", 11, _author, 3, most=16, sort="developer_name", letter="d", descending=False),
    Column("repo", "REPO", 12, lambda row, context: cells.maybe(project(row.project_name, row.project_id)), 25, most=15, sort="project_name", letter="r", descending=False),
    Column("branch", "BRANCH", 12, lambda row, context: cells.maybe(clean(row.branch or "n/a")), 50, most=18),
    Column("subject", "SUBJECT", 14, lambda row, context: cells.maybe(clean(row.commit_subject or "n/a")), 20, most=46),
    Column("added", "+", 5, lambda row, context: _lines(row.lines_added, "+", "good"), 6, "right", most=7, sort="lines_added", letter="a"),
    Column("deleted", "−", 5, lambda row, context: _lines(row.lines_deleted, text.MINUS, "bad"), 7, "right", most=7, sort="lines_deleted", letter="l"),
    Column("files", "FILES", 5, lambda row, context: cells.whole(row.files_changed), 60, "right"),
    Column("agent", "AGENT", 11, lambda row, context: cells.maybe(clean(row.agent_type or "n/a")), 45, most=14),
    Column("link", "LINK", 8, lambda row, context: _link(row), 2, most=10, sort="confidence", letter="c"),
    Column("method", "KNOWN BY", 11, lambda row, context: cells.maybe(cells.method(row.method)), 40, most=14),
    Column("session", "SESSION", 8, lambda row, context: cells.maybe(text.short_session(row.agent_session_id) if row.agent_session_id else "n/a"), 48),
    Column("cost", "COST", 8, lambda row, context: cells.cost(row.cost_usd), 0, "right", sort="cost_usd", letter="o"),
)  # fmt: skip


def _link(row: Commit) -> Span:
    glyph, word, role = cells.ATTRIBUTIONS.get(row.attribution or "unknown", ("?", "unknown", "dim"))
    return Span(f"{glyph} {row.confidence:.2f}" if row.confidence else f"{glyph} {word}", role)


def detail(row: Commit, context: Context, width: int, height: int) -> Sequence[Line]:
    """The subject, where it is, and each linked session with its evidence."""
    place = f"{project(row.project_name, row.project_id)}@{clean(row.branch)}" if row.branch else project(row.project_name, row.project_id)  # fmt: skip
    lines: list[Line] = list(wrap(clean(row.commit_subject or "(message not stored)"), width, "strong"))[
        : 1 if height < 8 else 3
    ]
    files = f"{text.count(row.files_changed)} files  " if row.files_changed is not None else ""
    lines.append(line(f"{place}  ·  {files}{text.signed_lines(row.lines_added, row.lines_deleted)}"))
    if height >= 8:
        lines += [
            line(
                Span("author  ", "dim"),
                context.person(row.developer_id or row.author_email, row.author_name),
                " ",
                Span(context.address(row.author_email), "dim"),
            ),
            line(Span("hash    ", "dim"), row.commit_hash),
            (),
            (Span("sessions", "header"),),
        ]
    lines += link_lines(row)
    return lines


def link_lines(row: Commit) -> list[Line]:
    """One line per linked session; a sentence where there is none."""
    if row.links:
        return [
            line(
                cells.attribution(row)._replace(text=f"{link.confidence:.2f}" if link.confidence else "  ? "),
                f"  {clean(link.agent_type)} ",
                Span(text.short_session(link.session_id), "accent"),
                Span(f"  known by {cells.method(link.method)}", "dim"),
            )
            for link in row.links
        ]
    words = {
        "unknown": "no telemetry from this developer: nobody can say",
        "none": "no agent session of this developer near it",
    }
    return [(Span(words.get(row.attribution or "unknown", "no linked session"), "dim"),)]


def summary(rows: Sequence[Commit]) -> tuple[int, int, int]:
    """Assisted, possible, and all commits among these rows."""
    counted = Counter(row.attribution for row in rows)
    return counted["assisted"], counted["possible"], len(rows)


def per_day(rows: Sequence[Commit], context: Context, width: int, height: int, days: int = 30) -> Sequence[Line]:
    """Commits per day of the last days."""
    from datetime import timedelta

    today = context.now.astimezone(context.zone).date()
    counted = Counter(row.commit_timestamp.astimezone(context.zone).date() for row in rows if row.commit_timestamp)
    dates = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    values = [float(counted[day]) for day in dates]
    top = max(4.0, max(values, default=0.0))
    return column_chart(values, [text.day(day) for day in dates], width, height, (f"{top / 2:.0f}", f"{top:.0f}"), top)


def attribution_bars(rows: Sequence[Commit], width: int, height: int) -> Sequence[Line]:
    """How many commits had an agent in them."""
    from console.views.chart import bar

    counted = Counter(row.attribution or "unknown" for row in rows)
    most = max(counted.values(), default=0)
    drawn = []
    for name in ("assisted", "possible", "none", "unknown"):
        glyph, word, role = cells.ATTRIBUTIONS[name]
        drawn.append(
            line(
                Span(fit(f" {glyph} {word}", 12), role),
                Span(bar(counted[name] / most if most else 0, max(4, width - 26)), "chart"),
                fit(f"{counted[name]:,}", 7, "right"),
                Span(fit(text.percent(counted[name], len(rows)), 6, "right"), "dim"),
            )
        )
    return drawn[:height]
