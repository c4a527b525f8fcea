"""What screens say, as plain text: tables, details and states at 80 and at 134 cells."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from console.feed import Answer, FeedError
from console.feed.replay import ReplayFeed
from console.rows import Commit, Cost, Developer, Link, Request, Session, Tool, Totals, parse
from console.store import Sheet
from console.views import commits, costs, developers, frame, records, session, sessions, states
from console.views.chart import bar, columns, nice_ceiling, sparkline
from console.views.columns import Column, place
from console.views.context import Context
from console.views.daychart import day_chart, small
from console.views.line import Line, Span, plain, width_of
from console.views.table import GUTTER, Look, table
from tests.console.team import NOW, recorded

CONTEXT = Context(NOW, UTC)
RECORDED = recorded()
SESSIONS = [parse(Session, row) for row in RECORDED["sessions"]]
COMMITS = [parse(Commit, row) for row in RECORDED["commits"]]
DEVELOPERS = [parse(Developer, row) for row in RECORDED["developers"]]
REQUESTS = [parse(Request, row) for row in RECORDED["requests"]]
TOOLS = [parse(Tool, row) for row in RECORDED["tools"]]


def cost_rows(by: str) -> list[Cost]:
    from console.feed import Query

    rows, _ = ReplayFeed(RECORDED, lambda: NOW).answer(Query("costs", since="30d", by=by, sort="-cost_usd"))
    return [parse(Cost, row) for row in rows]


def drawn(rows: list[Any], cols: Any, width: int, height: int = 12, look: Look | None = None) -> str:
    placed = place(cols, width - GUTTER - 1)
    look = look or Look(cursor=rows[0].key)
    lines = table(rows, placed, look, CONTEXT, width, height)
    assert all(width_of(line) == width for line in lines)
    return plain(lines)


@pytest.mark.parametrize("width", [60, 80, 134])
class TestTables:
    def test_live(self, width: int, snapshot: SnapshotAssertion) -> None:
        assert drawn(SESSIONS, sessions.LIVE_COLUMNS, width) == snapshot

    def test_sessions(self, width: int, snapshot: SnapshotAssertion) -> None:
        assert drawn(SESSIONS, sessions.LIST_COLUMNS, width) == snapshot

    def test_commits(self, width: int, snapshot: SnapshotAssertion) -> None:
        assert drawn(COMMITS, commits.COLUMNS, width) == snapshot

    def test_developers(self, width: int, snapshot: SnapshotAssertion) -> None:
        assert drawn(DEVELOPERS, developers.COLUMNS, width) == snapshot

    @pytest.mark.parametrize("by", ["developer", "model", "day"])
    def test_costs(self, width: int, by: str, snapshot: SnapshotAssertion) -> None:
        assert drawn(cost_rows(by), costs.table_columns(by), width) == snapshot

    def test_a_timeline(self, width: int, snapshot: SnapshotAssertion) -> None:
        of = SESSIONS[8].session_id
        events = session.timeline(
            [row for row in REQUESTS if row.session_id == of],
            [row for row in TOOLS if row.session_id == of],
            [row for row in COMMITS if row.agent_session_id == of],
        )
        assert drawn(list(events), session.COLUMNS, width, 20) == snapshot

    def test_tools_of_a_developer(self, width: int, snapshot: SnapshotAssertion) -> None:
        assert drawn(list(developers.tool_uses(TOOLS)), developers.TOOL_COLUMNS, width) == snapshot

    @pytest.mark.parametrize("kind", ["request", "tool", "commit"])
    def test_records(self, width: int, kind: str, snapshot: SnapshotAssertion) -> None:
        facts = {
            "request": lambda: records.request_facts(REQUESTS[3], CONTEXT),
            "tool": lambda: records.tool_facts(TOOLS[0], CONTEXT),
            "commit": lambda: records.commit_facts(COMMITS[0], CONTEXT),
        }[kind]()
        assert drawn(list(facts), records.COLUMNS, width, 20) == snapshot


class TestDetails:
    @pytest.mark.parametrize(("width", "height"), [(80, 4), (60, 40)])
    def test_of_a_session(self, width: int, height: int, snapshot: SnapshotAssertion) -> None:
        row = SESSIONS[8]
        sheet = Sheet()
        sheet.answers["tools"] = Answer(tuple(tool for tool in TOOLS if tool.session_id == row.session_id))
        sheet.answers["commits"] = Answer(tuple(each for each in COMMITS if each.agent_session_id == row.session_id))
        lines = sessions.detail(row, sheet, CONTEXT, width, height)
        assert all(width_of(line) <= width for line in lines)
        assert plain(lines) == snapshot

    def test_of_a_session_before_its_tools_are_known(self) -> None:
        assert "…" in plain(sessions.detail(SESSIONS[0], Sheet(), CONTEXT, 80, 4))

    @pytest.mark.parametrize("height", [4, 20])
    def test_of_a_commit(self, height: int, snapshot: SnapshotAssertion) -> None:
        assert plain(commits.detail(COMMITS[0], CONTEXT, 60, height)) == snapshot

    def test_a_commit_of_somebody_without_telemetry_is_unknown_not_human(self) -> None:
        row = replace(COMMITS[0], attribution="unknown", links=(), confidence=None, method=None)
        assert "nobody can say" in plain(commits.detail(row, CONTEXT, 80, 4))

    def test_several_sessions_of_one_commit_each_have_their_line(self) -> None:
        links = (
            Link("codex", "a" * 12, Decimal("0.98"), "telemetry_sha"),
            Link("claude_code", "b" * 12, Decimal("0.45"), "time_window"),
        )
        shown = plain(commits.detail(replace(COMMITS[0], links=links), CONTEXT, 80, 20))
        assert "0.98  codex aaaaaaaa  known by telemetry" in shown
        assert "0.45  claude_code bbbbbbbb  known by time" in shown

    @pytest.mark.parametrize("height", [4, 30])
    def test_of_a_developer(self, height: int, snapshot: SnapshotAssertion) -> None:
        assert plain(developers.detail(DEVELOPERS[0], cost_rows("day"), CONTEXT, 60, height)) == snapshot

    def test_what_a_sum_leaves_out_is_said(self) -> None:
        models = cost_rows("model")
        note = costs.unpriced_note(Totals(unpriced_tokens=1_200_000), models, 80)
        assert plain(note) == "no price known for glm-4.7: 1.2M tokens not counted"
        assert "every token has a price" in plain(costs.unpriced_note(Totals(unpriced_tokens=0), [], 80))


class TestLooks:
    def test_the_cursor_shows_without_colour(self) -> None:
        shown = drawn(SESSIONS[:3], sessions.LIVE_COLUMNS, 80, look=Look(cursor=SESSIONS[1].key))
        assert [line.startswith("▌") for line in shown.splitlines()[1:4]] == [False, True, False]

    def test_the_sorted_column_carries_an_arrow(self) -> None:
        shown = drawn(SESSIONS[:2], sessions.LIVE_COLUMNS, 80, look=Look(sort="cost_usd"))
        assert "COST ▼" in shown
        shown = drawn(SESSIONS[:2], sessions.LIVE_COLUMNS, 80, look=Look(sort="cost_usd", descending=False))
        assert "COST ▲" in shown

    def test_changed_cells_are_bold_and_new_rows_marked(self) -> None:
        row = SESSIONS[0]
        placed = place(sessions.LIVE_COLUMNS, 77)
        lines = table([row], placed, Look(changed={row.key: {"cost"}}, fresh={row.key}), CONTEXT, 80, 3)
        bold = [span.text.strip() for span in lines[1] if span.bold]
        assert bold == ["$7.534"]
        assert lines[1][0].text == "+"

    def test_names_of_wide_characters_keep_the_columns_straight(self) -> None:
        shown = drawn(SESSIONS[:6], sessions.LIVE_COLUMNS, 80)
        assert "Erin 木村" in shown

    def test_a_subject_cannot_steer_the_terminal(self) -> None:
        row = replace(COMMITS[0], commit_subject="\x1b[2J\x1b]0;owned\x07 bell")
        assert "\x1b" not in drawn([row], commits.COLUMNS, 134)
        assert "\x07" not in plain(commits.detail(row, CONTEXT, 60, 20))


class TestAliases:
    def test_are_stable_and_hide_names_and_addresses(self) -> None:
        hidden = replace(CONTEXT, anonymous=True)
        one = hidden.person("alice@example.com", "Alice Fischer")
        assert one == hidden.person("ALICE@example.com", "A. Fischer")
        assert one != hidden.person("bob@example.com", "Bob")
        assert "alice" not in hidden.address("alice@example.com").lower()

    def test_without_a_name_the_part_before_the_at_is_shown(self) -> None:
        assert CONTEXT.person("alice@example.com") == "alice"
        assert CONTEXT.person(None) == "n/a"


class TestFrame:
    def bar(self, status: frame.Status, width: int = 80, middle: Line = ()) -> str:
        return plain([frame.title_bar("aa", ("Live", "all"), middle, status, CONTEXT, width)])

    @pytest.mark.parametrize(
        ("status", "shown"),
        [
            (frame.Status(), "… connecting"),
            (frame.Status("live", lag=0.42), "● LIVE 0.4s"),
            (frame.Status("live", lag=-3.0), "● LIVE 0.0s"),
            (frame.Status("live", demo=True, lag=0.1), "△ DEMO 0.1s"),
            (frame.Status("slow", since=NOW - timedelta(seconds=12)), "◐ SLOW 12s"),
            (frame.Status("live", paused=True, withheld=37), "‖ PAUSED +37"),
            (frame.Status("offline", since=NOW - timedelta(seconds=41), retry_seconds=8), "○ OFFLINE 00:40 retry 8s"),
            (frame.Status("replay"), "▲ REPLAY"),
            (frame.Status(failed=True), "○ NO ENGINE"),
        ],
    )
    def test_the_indicator_is_a_glyph_and_a_word(self, status: frame.Status, shown: str) -> None:
        assert self.bar(status).endswith(shown)

    def test_figures_give_way_to_the_path(self) -> None:
        middle = (Span("4 live · 11 today · $18.42"),)
        assert "$18.42" in self.bar(frame.Status("live"), 80, middle)
        crumbs = ("Developers", "Somebody with a long name", "0f30f31d", "request 14:14:09")
        line = frame.title_bar("aa", crumbs, middle, frame.Status("live"), CONTEXT, 80)
        assert width_of(line) == 80
        assert "0f30f31d › request 14:14:09" in plain([line])

    def test_boxes_are_filled_to_their_size(self) -> None:
        lines = frame.box("title", [(Span("x" * 99),)], 20, 5)
        assert [width_of(line) for line in lines] == [20] * 5


class TestStates:
    def test_nothing_matches_says_the_next_step(self, snapshot: SnapshotAssertion) -> None:
        assert plain(states.nothing_matches("sessions", "cost>500", 70, changed=True)) == snapshot

    @pytest.mark.parametrize("local", [True, False])
    def test_nothing_ever_offers_three_ways(self, local: bool, snapshot: SnapshotAssertion) -> None:
        assert plain(states.nothing_ever(76, local=local)) == snapshot

    @pytest.mark.parametrize("kind", ["offline", "auth", "forbidden", "limited", "version", "failed"])
    def test_errors_say_what_to_do(self, kind: Any, snapshot: SnapshotAssertion) -> None:
        error = FeedError(kind, "the sentence of the engine", "the hint of the engine", retry_seconds=30)
        assert plain(states.failed(error, 60)) == snapshot

    def test_no_engine(self, snapshot: SnapshotAssertion) -> None:
        assert plain(states.could_not_start("the engine did not start: port 4318 is taken", 60)) == snapshot


class TestCharts:
    def test_a_sparkline_ends_now(self) -> None:
        assert sparkline([0, 0, 1, 2, 4, 8], 4) == "▁▂▄▇"
        assert sparkline([], 4) == "    "
        assert sparkline([None, 5], 4) == "   ▇"

    def test_a_known_small_share_is_seen(self) -> None:
        assert bar(0.001, 10) == "╸" + " " * 9
        assert bar(1, 10) == "━" * 10
        assert bar(None, 3) == "   "

    @pytest.mark.parametrize(("value", "top"), [(0, 1), (1.1, 1.2), (84, 100), (120, 120), (121, 160), (0.003, 0.003)])
    def test_axes_end_at_plain_numbers(self, value: float, top: float) -> None:
        assert nice_ceiling(value) == pytest.approx(top)

    @pytest.mark.parametrize(("width", "height"), [(80, 7), (40, 4), (130, 12)])
    def test_cost_per_day(self, width: int, height: int, snapshot: SnapshotAssertion) -> None:
        lines = small(day_chart(cost_rows("day")), width, height)
        assert len(lines) == height
        assert all(width_of(line) <= width for line in lines)
        assert plain(lines) == snapshot

    def test_quiet_days_are_there(self) -> None:
        chart = day_chart([Cost("2026-11-01", cost_usd=Decimal(5)), Cost("2026-11-04", cost_usd=Decimal(2))])
        assert chart.totals == (5.0, 0.0, 0.0, 2.0)

    def test_what_the_parts_leave_is_another_part(self) -> None:
        days = [Cost("2026-11-01", cost_usd=Decimal(5))]
        chart = day_chart(days, {"codex": [Cost("2026-11-01", cost_usd=Decimal(2))]})
        assert [(series.name, series.values) for series in chart.series] == [("codex", (2.0,)), ("other", (3.0,))]

    def test_more_values_than_cells_keeps_the_newest(self) -> None:
        shown = plain(columns([1.0] * 100 + [8.0], [""] * 101, 30, 4))
        assert shown.splitlines()[0].rstrip().endswith("█")


def test_columns_of_a_share_draw_text_and_bar() -> None:
    share = Column("share", "SHARE", 12, lambda row, context: Span("50%"), part=lambda row: 0.5)
    shown = drawn([SESSIONS[0]], (share,), 40, 2)
    assert " 50% ━━━╸" in shown
