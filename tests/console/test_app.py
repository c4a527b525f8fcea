"""The console under keys: drilling, filtering, ordering, and a cursor that live data cannot move."""

from __future__ import annotations

import base64
import json
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from console.app import ConsoleApp
from console.connect import Engine
from console.feed import Changed, FeedError, Heartbeat, Lost
from console.feed.http import Address
from console.feed.replay import ReplayFeed
from console.settings import Options, Unreachable
from engine.clock import FixedClock
from engine.contract import ChangeSet
from tests.console.conftest import LARGE, SMALL, Make, line_under_cursor, screen_text, settled
from tests.console.team import DEVELOPERS, NOW, recorded


async def press(pilot: Pilot[int], *keys: str) -> str:
    """Press keys one after the other, each when the screen is at rest; what it shows then."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)
    assert isinstance(pilot.app, ConsoleApp)
    return screen_text(pilot.app)


async def write(pilot: Pilot[int], words: str) -> str:
    """Type a text."""
    for char in words:
        await pilot.press({" ": "space"}.get(char, char))
    await settled(pilot)
    assert isinstance(pilot.app, ConsoleApp)
    return screen_text(pilot.app)


class TestDrilling:
    async def test_from_a_developer_to_a_request_and_back_to_the_same_row(self, console: Make) -> None:
        app = console(view="developers")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "j", "j")
            developer = line_under_cursor(app)
            shown = await press(pilot, "enter", "j")
            session = line_under_cursor(app)
            assert "Developers › " in shown
            await press(pilot, "enter", "g")
            moment = line_under_cursor(app)
            assert "model" in moment
            shown = await press(pilot, "enter")
            assert "total tokens" in shown
            assert shown.splitlines()[0].count("›") == 3
            await press(pilot, "escape")
            assert line_under_cursor(app) == moment
            await press(pilot, "escape")
            assert line_under_cursor(app) == session
            await press(pilot, "escape")
            assert line_under_cursor(app) == developer

    async def test_back_finds_order_and_filter_as_they_were(self, console: Make) -> None:
        app = console(filter="agent:codex since:30d")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "S", "j")
            before = screen_text(app)
            await press(pilot, "enter", "escape")
            assert screen_text(app) == before

    async def test_a_group_of_cost_opens_its_sessions(self, console: Make) -> None:
        app = console(view="cost")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            shown = await press(pilot, "enter")
            assert "dev:alice@example.com" in shown
            assert app.main.page.sheet.rows("rows")
            assert {row.developer_id for row in app.main.page.sheet.rows("rows")} == {"alice@example.com"}

    async def test_a_commit_leads_to_its_session(self, console: Make) -> None:
        app = console(view="commits")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "enter", "G")
            assert "session" in line_under_cursor(app)
            shown = await press(pilot, "enter")
            assert "TIME" in shown

    async def test_sections_of_a_developer_turn_with_tab(self, console: Make) -> None:
        app = console(view="developers")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "enter")
            assert "[Commits" in await press(pilot, "tab")
            assert "[Tools" in await press(pilot, "tab")
            assert "[Models" in await press(pilot, "tab")
            assert "[Sources" in await press(pilot, "tab")
            assert "[Sessions" in await press(pilot, "tab")
            assert "[Sources" in await press(pilot, "shift+tab")

    async def test_the_innermost_says_so(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            assert "innermost" in await press(pilot, "enter", "g", "enter", "enter")

    async def test_errors_of_a_session_are_one_key_away(self, console: Make) -> None:
        app = console(filter="err>1 since:30d")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "enter", "g", "n")
            assert "✗" in line_under_cursor(app)


class TestGoing:
    async def test_digits_go_to_screens_and_minus_back_and_forth(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            assert "Cost › by developer" in await press(pilot, "2")
            assert "Commits" in await press(pilot, "3")
            assert "Cost › by developer" in await press(pilot, "minus")
            assert "aa  Commits" in await press(pilot, "minus")

    async def test_history_goes_back_and_forth(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "2", "4")
            assert "aa  Cost" in await press(pilot, "left_square_bracket")
            assert "aa  Live" in await press(pilot, "left_square_bracket")
            assert "aa  Cost" in await press(pilot, "right_square_bracket")

    async def test_a_command_goes_with_a_filter(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "colon")
            await write(pilot, "commits dev:bob*")
            shown = await press(pilot, "enter")
            assert "aa  Commits" in shown
            assert "dev:bob*" in shown

    async def test_an_unknown_command_names_the_nearest(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "colon")
            await write(pilot, "comits")
            assert "did you mean commits?" in await press(pilot, "enter")

    async def test_q_leaves(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await pilot.press("q")
        assert app.return_value == 0


class TestFiltering:
    async def test_it_applies_while_it_is_typed_and_escape_takes_it_back(self, console: Make) -> None:
        app = console(filter="since:30d")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "slash")
            await write(pilot, "agent:codex")
            await pilot.pause(0.4)
            await settled(pilot)
            assert {row.agent_type for row in app.main.page.sheet.rows("rows")} == {"codex"}
            await press(pilot, "escape")
            assert {row.agent_type for row in app.main.page.sheet.rows("rows")} == {"codex", "claude_code"}

    async def test_enter_keeps_it_and_escape_clears_it(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "slash")
            await write(pilot, "agent:codex")
            assert "/ since:24h agent:codex" in await press(pilot, "enter")
            shown = await press(pilot, "escape")
            assert "agent:codex" not in shown
            assert "/ since:24h" in shown

    async def test_a_wrong_one_stays_open_with_its_carets(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "slash")
            shown = await write(pilot, "agnt:codex")
            assert "^^^^ unknown field agnt; did you mean agent?" in shown
            shown = await press(pilot, "enter")
            assert app.main.prompt.mode == "/"
            assert "did you mean agent?" in shown

    async def test_tab_completes_fields_and_values(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "slash")
            await write(pilot, "agen")
            await press(pilot, "tab")
            assert app.main.prompt.editor.text.endswith("agent:")
            await write(pilot, "co")
            await press(pilot, "tab")
            assert app.main.prompt.editor.text.endswith("agent:codex ")

    async def test_nothing_matching_says_the_next_step(self, console: Make) -> None:
        app = console(filter="cost>50000")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            assert "No sessions match cost>50000." in screen_text(app)

    async def test_a_filter_the_engine_refuses_is_shown_and_rows_stay(self, console: Make, feed: ReplayFeed) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            feed.error = FeedError("filter", "sessions have no field ticket", "use another field")
            await press(pilot, "slash")
            await write(pilot, "ticket:PAY")
            shown = await press(pilot, "enter")
            assert "! sessions have no field ticket" in shown
            assert "Alice" in shown

    async def test_a_menu_sets_the_range(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            assert "7 days" in await press(pilot, "t")
            assert "/ since:7d" in await press(pilot, "w")

    async def test_pasting_into_the_filter_is_typing(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "slash")
            app.main.prompt.post_message(events.Paste("agent:codex\n"))
            await settled(pilot)
            assert app.main.prompt.editor.text == "since:24h agent:codex"


class TestOrdering:
    async def test_a_letter_of_the_menu_orders_by_its_column(self, console: Make, feed: ReplayFeed) -> None:
        app = console(view="developers")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            assert "sort by" in await press(pilot, "s")
            shown = await press(pilot, "c")
            assert "COST ▼" in shown
            costs = [row.cost_usd for row in app.main.page.sheet.rows("rows")]
            assert costs == sorted(costs, reverse=True)
            assert "COST ▲" in await press(pilot, "S")
            assert feed.asked[-1].sort == "cost_usd" or any(query.sort == "cost_usd" for query in feed.asked)

    async def test_finished_sessions_never_push_live_ones_away(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            for _ in range(2):
                states = [row.state for row in app.main.page.sheet.rows("rows")]
                assert states == sorted(states, key=["live", "idle", "ended"].index)
                await press(pilot, "S")

    async def test_a_click_on_a_title_orders_and_on_a_row_takes_the_cursor(self, console: Make) -> None:
        app = console(view="developers")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await pilot.click("#table", offset=(4, 0))
            await settled(pilot)
            assert "DEVELOPER ▲" in screen_text(app)
            await pilot.click("#table", offset=(10, 4))
            await settled(pilot)
            assert app.main.page.cursor.index == 3

    async def test_groups_of_cost(self, console: Make) -> None:
        app = console(view="cost")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "b")
            shown = await press(pilot, "m")
            assert "by model" in shown
            assert "MODEL" in shown

    async def test_what_a_page_cannot_do_says_why(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            assert "b: only Cost groups its rows" in await press(pilot, "b")


class TestLiveData:
    async def test_updates_move_neither_cursor_nor_scroll(self, console: Make, feed: ReplayFeed) -> None:
        app = console(filter="since:30d")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "ctrl+d", "ctrl+d", "ctrl+d", "k", "k")
            before = line_under_cursor(app)
            place = screen_text(app).splitlines().index(before)
            session = feed.recorded["sessions"][-1]["session_id"]
            feed.change("sessions", "session_id", session, cost_usd="999", state="live")
            await pilot.pause(0.05)
            await settled(pilot)
            assert app.main.page.sheet.rows("rows")[0].session_id == session
            assert line_under_cursor(app) == before
            assert screen_text(app).splitlines().index(before) == place

    async def test_at_the_top_a_new_row_appears_and_the_cursor_keeps_its_row(
        self, console: Make, feed: ReplayFeed
    ) -> None:
        app = console(filter="since:30d")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "j", "j")
            before = line_under_cursor(app)
            session = feed.recorded["sessions"][-1]["session_id"]
            feed.change("sessions", "session_id", session, cost_usd="999", state="live")
            await pilot.pause(0.05)
            await settled(pilot)
            assert line_under_cursor(app) == before
            assert "$999.00" in screen_text(app).splitlines()[3]

    async def test_a_changed_cell_is_bold_for_one_tick(self, console: Make, feed: ReplayFeed) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            session = app.main.page.sheet.rows("rows")[0]
            feed.change("sessions", "session_id", session.session_id, cost_usd="8.125")

            def bold() -> list[str]:
                return [span.text.strip() for line in app.main.table.lines for span in line if span.bold]

            for _ in range(100):
                await pilot.pause(0.01)
                if bold():
                    break
            assert bold() == ["$8.125"]
            app.main.tick()
            assert bold() == []

    async def test_a_pause_holds_still_and_counts(self, console: Make, feed: ReplayFeed) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "p")
            session = app.main.page.sheet.rows("rows")[0].session_id
            feed.change("sessions", "session_id", session, cost_usd="77.5")
            feed.change("sessions", "session_id", session, cost_usd="78.5")
            await pilot.pause(0.05)
            await settled(pilot)
            shown = screen_text(app)
            assert "‖ PAUSED +2" in shown
            assert "$78.50" not in shown
            await press(pilot, "p")
            assert "$78.50" in screen_text(app)

    async def test_following_keeps_the_newest_row(self, console: Make, feed: ReplayFeed) -> None:
        app = console(view="commits")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "f")
            newest = dict(feed.recorded["commits"][0], commit_hash="f" * 40, commit_timestamp=NOW.isoformat())
            feed.recorded["commits"].append(newest)
            feed.tell(Changed(ChangeSet(2, NOW, commits=("f" * 40,))))
            await pilot.pause(0.05)
            await settled(pilot)
            assert "fffffff" in line_under_cursor(app)

    async def test_more_rows_are_fetched_on_the_way_down(self, console: Make, clock: FixedClock) -> None:
        data = recorded()
        one = data["sessions"][10]
        data["sessions"] = [dict(one, session_id=f"{number:08d}") for number in range(500)]
        feed = ReplayFeed(data, clock.now)
        app = console(on=feed, filter="since:30d")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            assert "200 of 500 sessions" in screen_text(app)
            await press(pilot, "G")
            assert "400 of 500 sessions" in screen_text(app)
            await press(pilot, "G")
            assert "500 sessions" in screen_text(app)

    async def test_an_idle_screen_changes_nothing(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            regions: list[object] = []
            for widget in app.main.parts.values():
                widget.refresh = lambda *dirty, _all=regions, **named: _all.extend(dirty or ("all",))  # type: ignore[method-assign]
            for _ in range(5):
                app.main.tick()
                app.main.draw()
            assert regions == []


class TestLosing:
    async def test_rows_stay_dimmed_with_their_age(self, console: Make, feed: ReplayFeed, clock: FixedClock) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            feed.tell(Lost("connection refused", 8.0))
            await pilot.pause(0.05)
            clock.instant += timedelta(seconds=41)
            app.main.draw()
            await pilot.pause()
            shown = screen_text(app)
            assert "○ OFFLINE 00:40 retry 8s" in shown
            assert "rows as of 14:14:09" in shown
            assert "Alice" in shown
            roles = {span.role for line in app.main.table.lines for span in line if span.text.strip()}
            assert roles == {"dim"}

    async def test_silence_is_slow(self, console: Make, feed: ReplayFeed, clock: FixedClock) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            feed.tell(Heartbeat())
            await pilot.pause(0.05)
            clock.instant += timedelta(seconds=25)
            app.main.tick()
            assert "◐ SLOW 25s" in screen_text(app)

    @pytest.mark.parametrize(("kind", "shown"), [("auth", "wants a key"), ("failed", "could not answer")])
    async def test_errors_say_what_to_do(self, console: Make, feed: ReplayFeed, kind: str, shown: str) -> None:
        feed.error = FeedError(kind, "the sentence", "the hint")  # type: ignore[arg-type]
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await pilot.pause(0.2)
            app.main.draw()
            assert shown in screen_text(app)
            assert "the hint" in screen_text(app)

    async def test_without_an_engine_it_says_why(self, tmp_path: Path, clock: FixedClock) -> None:
        def find(options: Options, say: object) -> Engine:
            raise Unreachable("the engine did not start: 4318 is taken by pid 7")

        app = ConsoleApp(Options(tmp_path), find=find, now=clock.now, zone=UTC)
        async with app.run_test(size=SMALL) as pilot:
            for _ in range(100):
                await pilot.pause(0.01)
                if app.problem:
                    break
            app.main.draw()
            await pilot.pause()
            shown = screen_text(app)
            assert "4318 is taken by pid 7" in shown
            assert "○ NO ENGINE" in shown
            assert "d demo" in shown

    async def test_d_starts_the_demonstration_where_it_is_offered(self, tmp_path: Path, clock: FixedClock) -> None:
        wanted: list[bool] = []

        def find(options: Options, say: object) -> Engine:
            wanted.append(options.demo)
            if not options.demo:
                raise Unreachable("no engine")
            return Engine(Address("http://127.0.0.1:9"), demo=True)

        app = ConsoleApp(Options(tmp_path), find=find, now=clock.now, zone=UTC)
        async with app.run_test(size=SMALL) as pilot:
            for _ in range(100):
                await pilot.pause(0.01)
                if app.problem:
                    break
            await pilot.press("d")
            for _ in range(100):
                await pilot.pause(0.01)
                if wanted == [False, True]:
                    break
            assert wanted == [False, True]


class TestLooking:
    async def test_aliases_replace_every_name(self, console: Make) -> None:
        for size in (SMALL, LARGE):
            app = console()
            async with app.run_test(size=size) as pilot:
                await settled(pilot)
                await press(pilot, "x")
                for key in ("1", "2", "3", "4", "enter"):
                    shown = await press(pilot, key)
                    for name in ("Alice", "Bob", "Nakamura", "Dmitri", "dmitri", "Oyelaran", "木村", "example.com"):
                        assert name not in shown, key

    async def test_details_can_be_put_away(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            assert "── " in screen_text(app)
            shown = await press(pilot, "d")
            assert "git " not in shown
            assert len([line for line in shown.splitlines() if "✓ done" in line]) > 8

    async def test_wide_shows_the_columns_left_out(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=(260, 60)) as pilot:
            await settled(pilot)
            assert "BASIS" not in screen_text(app)
            assert "BASIS" in await press(pilot, "w")

    async def test_help_is_about_the_page_and_closes_with_escape(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=LARGE) as pilot:
            await settled(pilot)
            shown = await press(pilot, "question_mark")
            assert "help: Live" in shown
            assert "(only Cost groups its rows)" in shown
            assert "help: Live" not in await press(pilot, "escape")

    async def test_a_cost_says_what_stands_behind_it(self, console: Make) -> None:
        app = console(view="cost")
        async with app.run_test(size=LARGE) as pilot:
            await settled(pilot)
            await press(pilot, "g")
            assert DEVELOPERS[0][1] in line_under_cursor(app)
            assert "cost by the price book" in await press(pilot, "i")
            shown = await press(pilot, "enter")
            assert "12 model calls  they add up to exactly this: $0.50" in shown
            assert "the 2 that weigh most" in shown
            assert "2026-03-01 above 200k" in shown
            assert "from mart.fct_daily_usage as u" in shown
            assert "what stands behind" not in await press(pilot, "escape")

    async def test_on_a_small_screen_the_cost_of_each_call_is_there(self, console: Make) -> None:
        app = console(view="cost")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            shown = await press(pilot, "g", "i", "enter")
            assert "COST" in shown
            assert shown.count(" $0.25 ") == 2
            assert "OUTPUT" in shown

    async def test_an_engine_that_cannot_tell_is_quoted(self, console: Make) -> None:
        app = console(view="developers")
        async with app.run_test(size=LARGE) as pilot:
            await settled(pilot)
            assert "does not say what stands behind this" in await press(pilot, "i", "enter")

    async def test_what_the_console_counts_itself_is_no_figure_of_the_engine(self, console: Make) -> None:
        app = console(view="developers")
        async with app.run_test(size=LARGE) as pilot:
            await settled(pilot)
            shown = await press(pilot, "enter", "tab", "tab", "i")
            assert "nothing here is a figure of the engine's" in shown

    async def test_a_session_offers_its_own_figures_and_those_of_its_sources(
        self, console: Make, feed: ReplayFeed
    ) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            shown = await press(pilot, "enter", "g", "i")
            assert "cache read tokens" in shown
            assert "session: tool calls" in shown
            page = app.main.page
            words = [figure.words for figure in page.figures(page.current(app.main.context))]
            assert words[-2:] == ["log records: tokens", "history: tokens"]

    async def test_a_silent_source_is_seen_from_live_and_one_key_away(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            assert "! 2 silent (c)" in screen_text(app)
            shown = await press(pilot, "c")
            assert "! telemetry stopped" in line_under_cursor(app)
            assert "last told Thu 14:14, silent since today 11:14" in shown
            shown = await press(pilot, "enter")
            assert "Coverage › Alice Fischer 2026-11-20" in shown
            assert app.main.page.filter == "dev:alice@example.com agent:claude_code since:2026-11-20 until:2026-11-20"
            assert "! telemetry stopped" in await press(pilot, "escape")

    async def test_too_small_a_terminal_says_so_and_recovers(self, console: Make) -> None:
        app = console()
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await pilot.resize_terminal(50, 12)
            await settled(pilot)
            assert "needs 60x15, this is 50x12" in screen_text(app)
            await pilot.resize_terminal(80, 24)
            await settled(pilot)
            assert "Alice" in screen_text(app)

    async def test_a_theme_changes_at_once(self, console: Make) -> None:
        app = console(theme="dark")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "colon")
            await write(pilot, "theme light")
            await press(pilot, "enter")
            assert app.palette.name == "light"


class TestTaking:
    async def test_an_id_goes_to_the_clipboard_of_the_terminal(
        self, console: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        app = console()
        monkeypatch.setattr(app, "write_sequence", sent.append)
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            shown = await press(pilot, "y")
            session = app.main.page.sheet.rows("rows")[0].session_id
            assert f"sent to the terminal's clipboard: {session}" in shown
            assert base64.b64encode(session.encode()).decode() in sent[0]

    async def test_a_row_is_copied_as_json_and_shown(self, console: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: list[str] = []
        app = console()
        monkeypatch.setattr(app, "write_sequence", sent.append)
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            shown = await press(pilot, "Y")
            assert '"session_id"' in shown
            payload = sent[0].split(";")[2].split("\x07")[0]
            assert json.loads(base64.b64decode(payload))["agent_type"] == "claude_code"

    async def test_a_view_is_written_whole(
        self, console: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        app = console(filter="since:30d")
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await press(pilot, "e", "c")
            path = tmp_path / "sessions-20261120-141409.csv"
            for _ in range(100):
                await pilot.pause(0.01)
                if path.exists() and "rows in" in screen_text(app):
                    break
            assert len(path.read_text().splitlines()) == 1 + len(app.main.page.sheet.rows("rows"))


class TestEmpty:
    async def test_an_engine_that_was_never_fed_offers_three_ways(self, console: Make, clock: FixedClock) -> None:
        app = console(on=ReplayFeed({}, clock.now))
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            shown = screen_text(app)
            assert "No data yet: the engine has received 0 events." in shown
            assert "aa-console --engine URL" in shown
            assert shown.splitlines()[-1].startswith("d demo  i import  ctrl+r look again")

    async def test_import_runs_the_engines_import(
        self, console: Make, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import console.connect as connect

        ran: list[Path] = []

        def run_import(folder: Path) -> str:
            ran.append(folder)
            return "1,204 requests of 31 sessions"

        monkeypatch.setattr(connect, "run_import", run_import)
        app = console(on=ReplayFeed({}, clock.now))
        async with app.run_test(size=SMALL) as pilot:
            await settled(pilot)
            await pilot.press("i")
            for _ in range(100):
                await pilot.pause(0.01)
                if "1,204 requests" in screen_text(app):
                    break
            assert "1,204 requests of 31 sessions" in screen_text(app)
            assert len(ran) == 1
