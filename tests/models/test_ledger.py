"""The cost ledger: what is spent is given to commits or left unattributed, to the last digit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.models.raw import commit, context, evidence, request
from tests.models.workbench import Workbench

LEDGER = "select left(commit_hash, 2), cost_usd from mart.fct_commit_costs order by 1 nulls last"


def test_a_session_without_commits_is_unattributed(bench: Workbench) -> None:
    bench.take(request(0, input_tokens=1_000_000, output_tokens=0))
    bench.build(every_test=True)
    assert bench.rows(LEDGER) == [(None, Decimal(5))]


def test_three_commits_share_by_lines_and_confidence(bench: Workbench) -> None:
    """Sure of each with 0.99; 30, 10 and 0 lines (which weigh as one)."""
    bench.take(
        request(0, input_tokens=1_000_000, output_tokens=0),
        *(commit(name, 7200, lines_added=lines) for name, lines in (("a1", 20), ("b2", 10), ("c3", 0))),
        commit("a1", 7200, lines_added=20, lines_deleted=10, source="backfill"),
        *(
            evidence(name.ljust(40, "0"), "hook_environment", agent_type="claude_code", session_id="s1")
            for name in ("a1", "b2", "c3")
        ),
    )
    bench.build(every_test=True)
    whole = Decimal("4.95")
    shares = [(whole * lines / 31).quantize(Decimal("1e-12"), rounding="ROUND_DOWN") for lines in (20, 10, 1)]
    assert bench.rows(LEDGER) == [
        ("a1", shares[0]),
        ("b2", shares[1]),
        ("c3", shares[2]),
        (None, Decimal(5) - sum(shares)),
    ]
    assert bench.row("select sum(cost_usd) from mart.fct_git_commits") == (sum(shares),)


def test_days_are_shared_out_one_by_one(bench: Workbench) -> None:
    half_day = 12 * 3600
    bench.take(
        request(half_day - 10, input_tokens=200_000, output_tokens=0),
        request(half_day + 10, input_tokens=400_000, output_tokens=0),
        commit("a1", half_day * 2),
        evidence("a1".ljust(40, "0"), "hook_environment", agent_type="claude_code", session_id="s1"),
    )
    bench.build()
    assert bench.rows(
        "select cast(date as varchar), commit_hash is not null, cost_usd from mart.fct_commit_costs order by 1, 2"
    ) == [
        ("2026-11-20", False, Decimal("0.01")),
        ("2026-11-20", True, Decimal("0.99")),
        ("2026-11-21", False, Decimal("0.02")),
        ("2026-11-21", True, Decimal("1.98")),
    ]


def test_what_has_no_price_is_in_the_ledger_without_one(bench: Workbench) -> None:
    bench.take(request(0, model="corp-opus"), context(0), commit("a1", 0))
    bench.build(every_test=True)
    assert bench.rows(LEDGER) == [("a1", None), (None, None)]
    assert bench.row("select cost_usd, unpriced_tokens, cost_basis from mart.fct_sessions") == (None, 1100, "unpriced")


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.lists(st.integers(1, 10**9), min_size=1, max_size=5),
    lines=st.lists(st.integers(0, 10**6), min_size=0, max_size=5),
)
def test_the_ledger_always_adds_up(
    priced_file: Path, tmp_path_factory: object, amounts: list[int], lines: list[int]
) -> None:
    import shutil

    folder = tmp_path_factory.mktemp("ledger")  # type: ignore[attr-defined]
    shutil.copyfile(priced_file, folder / priced_file.name)
    bench = Workbench(folder)
    try:
        bench.take(
            context(0),
            *(
                request(index * 40_000, input_tokens=3, output_tokens=1, cost_usd=Decimal(amount).scaleb(-9))
                for index, amount in enumerate(amounts)
            ),
            *(commit(f"{index:02}", index * 40_000 + 60, lines_added=count) for index, count in enumerate(lines)),
        )
        bench.build()
        assert bench.row("select sum(cost_usd), count(distinct cost_usd < 0) from mart.fct_commit_costs") == (
            Decimal(sum(amounts)).scaleb(-9),
            1,
        )
    finally:
        bench.close()
