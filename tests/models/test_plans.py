"""Plans as they are declared, and what an edited or broken declaration does to a workspace."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.agents.registry import AGENTS
from engine.cli import main
from engine.errors import ConfigurationError
from engine.prices import export, plans, vendors
from engine.prices.watch import FileWatch
from engine.settings import load
from engine.workspace import offline
from tests.models.raw import OPUS, line, request
from tests.models.workbench import ARRIVAL, PROJECT_FOLDER, Workbench

PLAN = "vendor: anthropic, plan: Max, monthly: 200, from: 2026-11-01"


def declared(folder: Path, text: str) -> plans.Plans:
    path = folder / plans.FILE_NAME
    path.write_text(text)
    return plans.load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plans: 5\n", ":1: expected a list under `plans:`"),
        ("plans:\n- vendor: anthropic\n", ":2: a plan needs plan"),
        (f"plans:\n- {{{PLAN}}}\n", ":2: a plan needs developers, or seats that are paid"),
        (f"plans:\n- {{{PLAN}, developers: [a], seats: 0}}\n", ":2: seats must be a whole number, at least the 1"),
        (f"plans:\n- {{{PLAN}, developers: 5}}\n", ":2: developers must be a list of names, not 5"),
        (f"plans:\n- {{{PLAN}, developers: [a], until: 2026-11-01}}\n", ":2: until must be later than from"),
        (f"plans:\n- {{{PLAN}, developer: [a]}}\n", ":2: unknown key developer; did you mean developers?"),
        (f"plans:\n- {{{PLAN}, developers: [a], agents: [claude]}}\n", ":2: unknown agent claude"),
        (
            "plans:\n- vendor: acme\n  plan: x\n  monthly: 1\n  from: 2026-11-01\n  developers: [a]\n",
            ":2: acme has no agent of its own",
        ),
        (
            "plans:\n- vendor: openai\n  plan: x\n  from: soon\n  monthly: 1\n  developers: [a]\n",
            ":4: from must be a date such as 2026-01-31, not 'soon'",
        ),
        (
            "plans:\n- vendor: openai\n  plan: x\n  from: 2026-11-01\n  monthly: -1\n  developers: [a]\n",
            ":5: monthly must be US dollars per seat and month, not '-1'",
        ),
        (
            f"plans:\n- {{{PLAN}, developers: [a]}}\n- {{{PLAN}, developers: [A]}}\n",
            ":3: Max of a from 2026-11-01 is declared twice, first at",
        ),
    ],
)
def test_wrong_plans_are_told_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        declared(tmp_path, text)
    assert error.value.line().startswith(str(tmp_path / plans.FILE_NAME))
    assert message in error.value.line()


def test_seats_that_nobody_sits_on_are_paid_too(tmp_path: Path) -> None:
    found = declared(tmp_path, f"plans:\n- {{{PLAN}, developers: [Alice@acme.dev], seats: 3}}\n").seats
    assert [(seat.developer, seat.monthly_usd) for seat in found] == [
        ("alice@acme.dev", Decimal(200)),
        (None, Decimal(400)),
    ]
    assert found[0].agents == ("claude_code",)


def test_the_command_lists_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--data-dir", str(tmp_path))
    assert main(["prices", "plans", *where]) == 0
    assert "declares no plan" in capsys.readouterr().err
    declared(tmp_path, f"plans:\n- {{{PLAN}, developers: [alice@acme.dev], seats: 2}}\n")
    assert main(["prices", "plans", *where]) == 0
    assert "alice@acme.dev" in capsys.readouterr().out
    assert main(["prices", "plans", "--json", *where]) == 0
    assert [(seat["developer"], seat["monthly_usd"]) for seat in json.loads(capsys.readouterr().out)] == [
        ("alice@acme.dev", "200"),
        (None, "200"),
    ]


def test_no_file_and_an_empty_one_declare_nothing(tmp_path: Path) -> None:
    assert plans.load(tmp_path / "plans.yaml") is plans.NONE
    assert declared(tmp_path, "") is plans.NONE


def test_the_seed_of_vendors_is_the_registry() -> None:
    assert (PROJECT_FOLDER / "seeds" / "vendors.csv").read_text(encoding="utf-8") == vendors.vendors_csv()
    assert vendors.OF_AGENT.keys() < {agent.agent_type for agent in AGENTS}


CENTS = st.integers(0, 10**6).map(lambda cents: Decimal(cents) / 100)
DAYS = st.dates(date(2026, 8, 15), date(2026, 11, 10))


@settings(max_examples=2, deadline=None)
@given(seats=st.lists(st.tuples(CENTS, DAYS, st.integers(1, 80)), min_size=10, max_size=40))
def test_any_plan_adds_up_to_its_months(
    priced_file: Path, tmp_path_factory: pytest.TempPathFactory, seats: list[tuple[Decimal, date, int]]
) -> None:
    folder = tmp_path_factory.mktemp("plans")
    shutil.copyfile(priced_file, folder / priced_file.name)
    bench = Workbench(folder)
    try:
        lines = "".join(
            f"- {{vendor: openai, plan: p{number}, monthly: {monthly}, developers: [a], from: {since},"
            f" until: {since + timedelta(days=days)}}}\n"
            for number, (monthly, since, days) in enumerate(seats)
        )
        bench.take(
            export.changed_plan_rows(bench.database.cursor(), ARRIVAL, declared(folder, "plans:\n" + lines)), request()
        )
        bench.build()  # plans_add_up_to_their_months and reconciliation_adds_up are among its tests
        paid = dict(bench.rows("select plan, count(*) from mart.fct_plan_costs group by plan"))
        last = date(2026, 11, 20)
        assert paid == {
            f"p{number}": min(days, (last - since).days + 1) for number, (_, since, days) in enumerate(seats)
        }
        total = bench.row("select sum(paid_usd) from mart.fct_cost_reconciliation")[0]
        assert total == bench.row("select sum(paid_usd) from mart.fct_plan_costs")[0]
        assert total <= sum(monthly * 4 for monthly, _, _ in seats)
    finally:
        bench.close()


def test_each_cause_of_a_difference_has_its_part(bench: Workbench) -> None:
    bench.take(
        line(1, session_id="s2"),  # no client cost: 0.0075
        request(2, cost_usd=Decimal("0.009")),  # another price list
        request(3, cost_usd=Decimal("0.0155"), cache_write_tokens=800),  # split unknown
        request(4, cost_usd=Decimal("0.0070"), query_source="generate_session_title"),
        request(5, cost_usd=Decimal("0.5"), model="corp-opus"),
    )
    bench.build(every_test=True)
    row = bench.row(
        "select no_client_cost_usd, price_list_usd, cache_split_usd, auxiliary_usd, unpriced_model_usd,"
        " difference_usd, cause, unpriced_tokens from mart.fct_cost_reconciliation"
    )
    parts = tuple(map(Decimal, ("-0.0075", "0.0015", "0.003", "-0.0005", "0.5")))
    assert row == (*parts, sum(parts), "unpriced model", 1100)


def test_a_broken_file_keeps_what_held_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, paid = tmp_path / "prices.yaml", tmp_path / "plans.yaml"
    own.write_text(f"prices:\n- {{model: {OPUS}, input: 10, output: 50}}\n- {{model: corp, input: 1, output: 1}}\n")
    paid.write_text(f"plans:\n- {{{PLAN}, developers: [alice@acme.dev]}}\n")
    configured = load(tmp_path)
    with offline(configured) as workspace:
        workspace.path.recorder.record(request(0)).result()
    assert capsys.readouterr().err == ""
    own.write_text("prices:\n- {model: 5}\n")
    paid.write_text("plans: [")
    with offline(configured) as workspace:
        # A name that is seen only now still means what the last good prices said.
        workspace.path.recorder.record(request(5, model="corp")).result()
    said = capsys.readouterr().err
    assert f"{own}:2: " in said
    assert "the last good prices hold" in said
    assert "the last good plans hold" in said
    connection = duckdb.connect(str(configured.database), read_only=True)
    try:
        costs = connection.execute("select cost_usd from staging.stg_api_requests order by ts").fetchall()
        assert costs == [(Decimal("0.015"),), (Decimal("0.0011"),)]
        assert connection.execute("select sum(paid_usd) > 0 from mart.fct_plan_costs").fetchone() == (True,)
    finally:
        connection.close()


def test_an_edit_is_heard_of(tmp_path: Path) -> None:
    heard = threading.Semaphore(0)
    file = tmp_path / "plans.yaml"
    watch = FileWatch([file, tmp_path / "prices.yaml"], heard.release, look_seconds=0.005)
    watch.start()
    try:
        for act in (lambda: file.write_text("plans: []\n"), lambda: file.write_text("plans:\n"), file.unlink):
            act()
            assert heard.acquire(timeout=30)
    finally:
        watch.stop()
