"""Whole teams, told by every agent in every way and with every fault, give the generator's own truth."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.modelrunner.live import LiveLoop
from engine.prices import export
from engine.store.rows import RawRows
from tests.models.raw import commit, evidence
from tests.models.workbench import FILE_NAME, Workbench, merged, project
from tests.property.history import NOW, Team, teams
from tests.property.telling import Hearing, Known, deliveries, hearings, known

ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe")
EXAMPLES = 12

SESSIONS = """
select agent_type, session_id, developer_id, request_count - error_count, error_count, input_tokens, cache_read_tokens,
    cache_write_tokens, output_tokens, cost_usd
from mart.fct_sessions
"""
# The counters of Claude Code mark a model's long context window.
DAYS = """
select date, developer_id, agent_type, coalesce(model_id, replace(model_name, '[1m]', '')),
    sum(input_tokens), sum(cache_read_tokens),
    sum(cache_write_tokens), sum(output_tokens), sum(cost_usd)
from mart.fct_daily_usage where total_tokens > 0
group by all
"""
TOOLS = "select session_id from staging.stg_agent_tool_calls where tool_name in ('Edit', 'Bash')"


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Team, list[Hearing]]:
    """A team and how each of its sessions is told."""
    team = draw(teams())
    return team, [draw(hearings(session)) for session in team.sessions]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Databases with every price and empty models, by time zone; made when first asked for."""

    class Built(dict[str, Path]):
        def __missing__(self, zone: str) -> Path:
            bench = Workbench(tmp_path_factory.mktemp("built"), report_timezone=zone)
            bench.take(export.price_rows(NOW))
            loop = LiveLoop(project(json.dumps(bench.variables)), bench.database.cursor)
            loop.start()
            loop.close()
            bench.close()
            self[zone] = bench.path
            return bench.path

    return Built()


def copy_of(path: Path, folder: Path, zone: str) -> Workbench:
    folder.mkdir()
    shutil.copyfile(path, folder / FILE_NAME)
    return Workbench(folder, report_timezone=zone)


# Without shrinking: an example takes a second or two, and what fails is printed as a team that can be read.
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(world=worlds(), zone=st.sampled_from(ZONES), seed=st.integers(0, 2**32))
def test_a_team_however_it_is_told_is_known_as_it_was(
    built: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    world: tuple[Team, list[Hearing]],
    zone: str,
    seed: int,
) -> None:
    team, heard = world
    folder = tmp_path_factory.mktemp("team")
    bench = copy_of(built[zone], folder / "kept", zone)
    try:
        loop = LiveLoop(project(json.dumps(bench.variables)), bench.database.cursor)
        loop.start()
        chance = random.Random(seed)
        told = [*deliveries(team, heard, chance), *committed(team)]
        arrive(bench, loop, told, chance)
        assert_true(bench, heard, zone)
        kept = bench.snapshot()
        loop.rebuild()
        assert_equal(kept, bench.snapshot())
        chance.shuffle(told)
        arrive(bench, loop, told, chance)
        assert_equal(kept, bench.snapshot())
        loop.close()
        check_invariants(bench)
    finally:
        bench.close()
        shutil.rmtree(folder)


def arrive(bench: Workbench, loop: LiveLoop, told: list[RawRows], chance: random.Random) -> None:
    """In a few batches, with a refresh of the models after each, as an engine does it."""
    cuts = sorted({0, *(chance.randint(0, len(told)) for _ in range(chance.randint(0, 2))), len(told)})
    for begin, end in pairwise(cuts):
        bench.take(merged(told[begin:end]))
        bench.take_names()
        loop.refresh()


def check_invariants(bench: Workbench) -> None:
    """All data tests of the project; the gates among them held after every refresh already."""
    bench.build(every_test=True)


def committed(team: Team) -> Iterable[RawRows]:
    for made in team.commits:
        seconds = (made.at - NOW).total_seconds()
        yield commit(made.commit_hash, seconds + 6 * 3600, author_email=made.person.email.title(),
                     lines_added=made.lines)  # fmt: skip
        if made.session is not None:
            yield evidence(made.commit_hash, "hook_environment", agent_type=made.session.agent,
                           session_id=made.session.session_id)  # fmt: skip


def assert_equal(kept: dict[str, list[Any]], full: dict[str, list[Any]]) -> None:
    for name, rows in full.items():
        assert kept[name] == rows, name


def assert_true(bench: Workbench, heard: list[Hearing], zone: str) -> None:
    truth = [one for hearing in heard for one in known(hearing)]
    # Copies of a history cannot say whose it is: a fork's calls are compared together with the original's.
    family = {hearing.fork_id: hearing.session.session_id for hearing in heard if hearing.fork_at is not None}
    wanted: dict[Any, list[Any]] = defaultdict(lambda: [0] * 6 + [None])
    for one in truth:
        session = one.session
        key = (session.agent, family.get(session.session_id, session.session_id), session.person.email)
        add(wanted[key], [int(not one.counted and not one.call.failed), int(one.call.failed), *tokens(one), one.cost])
    shown: dict[Any, list[Any]] = defaultdict(lambda: [0] * 6 + [None])
    for agent, session_id, email, *measures in bench.rows(SESSIONS):
        if any(measures[:-1]):
            add(shown[agent, family.get(session_id, session_id), email], measures)
    # What failed costs nothing: whether its price was known makes no difference.
    for total in (*shown.values(), *wanted.values()):
        total[-1] = total[-1] or None
    assert dict(shown) == dict(wanted)

    days: dict[Any, list[Any]] = defaultdict(lambda: [0] * 4 + [None])
    for one in truth:
        if any(tokens(one)):
            which = (day(one, zone), one.session.person.email, one.session.agent, one.call.model)
            add(days[which], [*tokens(one), one.cost])
    shown_days = {tuple(row[:4]): list(row[4:]) for row in bench.rows(DAYS)}
    assert shown_days == dict(days)

    used = Counter(family.get(one.session.session_id, one.session.session_id) for one in truth if has_tool(one))
    shown_tools = Counter(family.get(session, session) for (session,) in bench.rows(TOOLS))
    assert shown_tools == used
    spent = sum((one.cost for one in truth if one.cost is not None), Decimal(0))
    assert bench.row("select coalesce(sum(cost_usd), 0) from mart.fct_commit_costs") == (spent,)


def has_tool(one: Known) -> bool:
    """Whether a tool use is known with its call: counters tell of none, and unknown emitters have no names for it."""
    return one.call.tool is not None and not one.counted and one.session.agent != "other"


def tokens(one: Known) -> list[int]:
    call = one.call
    return [call.input, call.read, call.write, call.output]


def add(total: list[Any], more: list[Any]) -> None:
    """Money of which some is unknown is the sum of the known."""
    for place, value in enumerate(more):
        if value is not None:
            total[place] = value + (total[place] or 0)


def day(one: Known, zone: str) -> date:
    return one.at.astimezone(ZoneInfo(zone)).date()
