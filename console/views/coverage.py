"""How far figures may be believed: sources by day, sources of a session, and one line about a total.

Owns the words for sources, verdicts and alarms; each reads without colour. Refuses to judge: the engine says what an
alarm is.
"""

# ruff: noqa: E501  (one column, one line)
from __future__ import annotations

from collections.abc import Sequence

from console.rows import Coverage, SessionSource, Trust
from console.views import cells, text
from console.views.columns import Column
from console.views.context import Context
from console.views.frame import wrap
from console.views.line import Line, Role, Span, clean, fit, line

SOURCES = {
    "counted": "counted", "log": "log records", "span": "spans", "metric": "counters", "transcript": "history",
    "hook": "hooks", "commit": "commits", "vendor": "vendor",
}  # fmt: skip
"""Who tells, in words: log records, spans and counters are telemetry, the history is what the agent keeps itself."""
VERDICTS: dict[str, tuple[str, Role]] = {
    "telemetry stopped": ("!", "bad"),
    "telemetry missing": ("!", "bad"),
    "history not read": ("!", "warn"),
    "telemetry has gaps": ("◐", "warn"),
    "history has gaps": ("◐", "warn"),
    "counters only": ("~", "warn"),
    "sources agree": ("✓", "good"),
    "one source": ("–", "dim"),
    "no figures": ("–", "dim"),
    "too early to tell": ("…", "dim"),
}


def source(name: str) -> str:
    """A source in a word or two."""
    return SOURCES.get(name, clean(name))


def verdict(row: Coverage, context: Context | None = None) -> Span:
    """`! telemetry stopped`, `✓ sources agree`; an alarm that is over is dim."""
    word = row.verdict or text.UNKNOWN
    glyph, role = VERDICTS.get(word, ("?", "dim"))
    return Span(f"{glyph} {clean(word)}", "dim" if row.state == "past" else role)


def telemetry_tokens(row: Coverage) -> int | None:
    """Tokens of log records and spans, else of counters; unknown where telemetry did not speak."""
    spoken = set(row.sources)
    if spoken & {"log", "span"}:
        return (row.log_tokens or 0) + (row.span_tokens or 0)
    return row.metric_tokens if "metric" in spoken else None


def history_tokens(row: Coverage) -> int | None:
    """Tokens of the agent's own history; unknown where none was read."""
    return row.transcript_tokens if "transcript" in row.sources else None


def _told(value: int | None, counted: int | None) -> Span:
    # What is less than counted is what a source lacks.
    short = value is not None and counted is not None and value * 100 < counted * 99
    return Span("–", "dim") if value is None else Span(text.tokens(value), "warn" if short else "text")


def _sources(row: Coverage, context: Context) -> Span:
    return Span(", ".join(source(name) for name in row.sources))


COLUMNS = (
    Column("day", "DAY", 10, lambda row, context: Span("n/a" if row.date is None else row.date.isoformat(), "dim"), 0, sort="date", letter="y"),
    Column("developer", "DEVELOPER", 9, lambda row, context: Span(context.person(row.developer_id, row.developer_name), "strong"), 0, most=22, sort="developer_name", letter="d", descending=False),
    Column("agent", "AGENT", 11, lambda row, context: Span(clean(row.agent_type)), 2, most=14, sort="agent_type", letter="g", descending=False),
    Column("counted", "COUNTED", 7, lambda row, context: cells.maybe(text.tokens(row.total_tokens)), 3, "right", most=9, sort="total_tokens", letter="t"),
    Column("telemetry", "TELEM", 5, lambda row, context: _told(telemetry_tokens(row), row.total_tokens), 1, "right", most=9),
    Column("history", "HIST", 5, lambda row, context: _told(history_tokens(row), row.total_tokens), 1, "right", most=9),
    Column("verdict", "VERDICT", 20, verdict, 0, most=20, sort="state", letter="v", descending=False),
    Column("requests", "REQUESTS", 8, lambda row, context: cells.whole(row.request_count), 20, "right", sort="request_count", letter="r"),
    Column("cost", "COST", 9, lambda row, context: cells.cost(row.cost_usd), 15, "right", most=10, sort="cost_usd", letter="c"),
    Column("single", "ALONE", 6, lambda row, context: cells.maybe(text.percent(row.single_source_tokens, row.total_tokens)), 25, "right"),
    Column("sources", "SOURCES", 22, _sources, 40, most=40),
)  # fmt: skip


def alarm_sentence(row: Coverage, context: Context) -> str:
    """What fell silent, since when, and what goes on without it; empty when nothing did."""
    if row.alarm is None:
        return ""
    since, told = (
        " ".join(text.when(at, context.now, context.zone).split()) for at in (row.alarm_since, row.last_told_at)
    )
    sessions = row.silent_session_count or 0
    unit = "session" if sessions == 1 else "sessions"
    goes_on = f"{sessions} {unit}" if sessions else "work goes on"
    if row.silent_tokens:
        goes_on += f", {text.tokens(row.silent_tokens)} tokens"
    last = f"last told {told}" if row.last_told_at else "never told"
    before, now = row.last_told_version, row.silent_version
    upgraded = f"; version {clean(before)} told, {clean(now)} does not" if before and now and before != now else ""
    return f"{row.alarm}: {last}, silent since {since} ({goes_on}){upgraded}"


CLOCK_SECONDS = 60
"""A clock that is further off is worth a word; deliveries are on their way for some seconds anyway."""
ADVICE = {
    "telemetry stopped": "run `aa-hooks doctor` on that machine: it says what is set and what does not arrive",
    "telemetry missing": "another machine or editor sends none: run `aa-hooks init` there",
    "history not read": "run `aa-engine import transcripts`, or let the hooks of that machine send them",
}


def detail(row: Coverage, context: Context, width: int, height: int) -> Sequence[Line]:
    """The alarm, what each source counted, and what rests on one alone."""
    lines: list[Line] = []
    alarm = alarm_sentence(row, context)
    if alarm:
        lines += wrap(alarm, width, "dim" if row.state == "past" else "bad")
    said = [("counted", row.request_count, row.total_tokens)]
    if {"log", "span"} & set(row.sources):
        said.append(("telemetry", row.telemetry_request_count, telemetry_tokens(row)))
    elif "metric" in row.sources:
        said.append(("counters", None, row.metric_tokens))
    if "transcript" in row.sources:
        said.append(("history", row.transcript_request_count, row.transcript_tokens))
    if row.total_tokens is None:
        seen = ", ".join(source(name) for name in row.sources)
        lines += wrap(f"seen by {seen or 'nobody'}: nothing tells of requests or tokens", width)
    elif height >= 10:
        lines += [
            *([()] if alarm else []),
            (Span(f"{'source':<11}{'requests':>8}{'tokens':>7}{'cost':>10}", "header"),),
        ]
        costs = {"counted": row.cost_usd, "telemetry": row.telemetry_cost_usd, "history": row.transcript_cost_usd}
        for name, requests, tokens in said:
            shown = "" if requests is None else text.count(requests)
            lines.append(line(f"{name:<11}{shown:>8}{text.tokens(tokens):>7}", f"{text.cents(costs.get(name)):>10}"))
        lines.append(())
    else:
        parts = [
            f"{name} {text.tokens(tokens)}" + ("" if requests is None else f" in {text.count(requests)} requests")
            for name, requests, tokens in said
        ]
        lines += wrap(" · ".join(parts), width)
    share = text.percent(row.single_source_tokens, row.total_tokens)
    others = [source(name) for name in row.sources if name in ("hook", "commit", "vendor")]
    signs = f" · also seen by {', '.join(others)}" if others else ""
    aside = ", counters aside" if "metric" in row.sources and {"log", "span"} & set(row.sources) else ""
    if row.total_tokens is not None:
        lines += wrap(f"{share} of the tokens from one source only{aside}{signs}", width, "dim")
    drift = row.clock_drift_seconds
    if drift is not None and abs(drift) > CLOCK_SECONDS:
        off = text.span(abs(drift))
        ahead = f"the sender's clock is {off} ahead of the engine's"
        behind = f"the sender's clock is {off} behind the engine's, or its telemetry comes late"
        lines += wrap(ahead if drift > 0 else behind, width, "warn")
    if alarm:
        lines += wrap(ADVICE.get(row.alarm or "", ""), width, "dim")
    return lines[:height]


def source_row(sources: Sequence[SessionSource], label: int, width: int) -> Line:
    """`told by  log records 1.2M −200k · history 1.4M`: a session's sources in one line."""
    if not sources:
        return line(Span(fit("told by", label), "dim"), Span("…", "dim"))
    spans = [Span(fit("told by", label), "dim")]
    for row in (row for row in sources if row.source != "counted"):
        if len(spans) > 1:
            spans.append(Span(" · ", "dim"))
        spans.append(Span(source(row.source)))
        if row.total_tokens is not None:
            spans.append(Span(f" {text.tokens(row.total_tokens)}"))
            spans += _difference(row)
        elif row.sign_count:
            spans.append(Span(f" {row.sign_count}"))
    return tuple(spans)


def _difference(row: SessionSource) -> list[Span]:
    """` −200k`: what a source lacks against what was counted, or has beyond it."""
    if not row.difference_tokens:
        return []
    sign = "+" if row.difference_tokens > 0 else text.MINUS
    return [Span(f" {sign}{text.tokens(abs(row.difference_tokens))}", "warn")]


def source_table(sources: Sequence[SessionSource], width: int) -> Sequence[Line]:
    """What each source alone told of a session, a line each; differences are marked."""
    roomy = width >= 62
    head = f"{'source':<12}{'requests':>8}{'tokens':>7}{'against':>8}" + (f"{'alone':>8}{'cost':>11}" if roomy else "")
    lines: list[Line] = [(Span(head, "header"),)]
    for row in sources:
        requests = text.count(row.sign_count if row.request_count is None else row.request_count)
        if row.source == "metric":
            requests = ""
        spans = [Span(f"{source(row.source):<12}{requests:>8}")]
        spans.append(Span(f"{'' if row.total_tokens is None else text.tokens(row.total_tokens):>7}"))
        against = "".join(span.text for span in _difference(row)).strip()
        agrees = row.source != "counted" and row.total_tokens is not None and not row.difference_tokens
        spans.append(Span(f"{'=' if agrees else against:>8}", "good" if agrees else "warn"))
        if roomy:
            alone = "" if not row.only_tokens else text.tokens(row.only_tokens)
            cost = "" if row.total_tokens is None else text.money(row.cost_usd)
            spans.append(Span(f"{alone:>8}{cost:>11}"))
        lines.append(tuple(spans))
    return lines


def trust_parts(trust: Trust | None, unpriced: Sequence[str] = ()) -> Sequence[tuple[str, Role]]:
    """What there is to know about a total before believing it, the worst first; `unpriced` models by name."""
    if trust is None:
        return ()
    parts: list[tuple[str, Role]] = []
    people = text.count(trust.developer_count)
    kinds: tuple[tuple[int | None, str, Role], ...] = (
        (trust.stopped_developer_count, "telemetry stopped", "bad"),
        (trust.missing_developer_count, "telemetry missing", "bad"),
        (trust.unread_developer_count, "history not read", "warn"),
    )
    for count, words, role in kinds:
        if count:
            parts.append((f"! {count} of {people} developers: {words}", role))
    total = trust.total_tokens or 0
    if not total:
        return parts
    if trust.unpriced_tokens:
        more = f" +{len(unpriced) - 1}" if len(unpriced) > 1 else ""
        names = f" ({clean(unpriced[0])}{more})" if unpriced else ""
        parts.append((f"{_share(trust.unpriced_tokens, total)} of tokens without a price{names}", "warn"))
    if trust.metric_tokens:
        parts.append((f"{_share(trust.metric_tokens, total)} from counters alone", "warn"))
    parts.append((f"{_share(trust.single_source_tokens or 0, total)} of tokens from one source only", "dim"))
    return parts


def _share(part: int, whole: int) -> str:
    """`0.4 %`: small shares keep a digit, and none is rounded to nothing or to everything."""
    share = part * 100 / whole
    if 0 < share < 0.1:
        return "<0.1 %"
    if share in (0, 100):
        return f"{share:.0f} %"
    return f"{min(share, 99.9):.1f} %" if share < 10 or share > 99 else f"{share:.0f} %"


def trust_lines(trust: Trust | None, width: int, height: int, unpriced: Sequence[str] = ()) -> Sequence[Line]:
    """The parts in at most `height` lines, none of them torn: what does not fit is the least."""
    lines: list[list[Span]] = [[]]
    used = 0
    for words, role in trust_parts(trust, unpriced):
        size = len(words) + (2 if used else 0)
        if used and used + size > width:
            if len(lines) == height:
                break
            lines.append([])
            used, size = 0, len(words)
        if used:
            lines[-1].append(Span("; ", "dim"))
        lines[-1].append(Span(words, role))
        used += size
    return [tuple(spans) for spans in lines if spans]
