"""`prices diff` and `prices import`: what other prices would change, and how they get into prices.yaml."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli import main
from engine.errors import ConfigurationError
from engine.prices import book, changes, export, litellm, overrides, written
from engine.prices.book import BEGINNING, Price
from engine.prices.changes import Money, Offered
from engine.settings import load
from engine.workspace import offline
from tests.models.raw import OPUS, counter, line, request
from tests.models.workbench import ARRIVAL, Workbench, merged

LISTED = {
    "sample_spec": {"mode": "chat"},
    "dashscope/qwen3-coder-plus": {
        "litellm_provider": "dashscope",
        "mode": "chat",
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 5e-06,
        "cache_read_input_token_cost": 1e-07,
        "input_cost_per_token_above_128k_tokens": 1.8e-06,
        "output_cost_per_token_above_128k_tokens": 9e-06,
        "input_cost_per_token_batches": 5e-07,
    },
    "elsewhere/qwen3-coder-plus": {
        "litellm_provider": "elsewhere",
        "mode": "chat",
        "input_cost_per_token": 9e-06,
        "output_cost_per_token": 9e-06,
    },
    OPUS: {
        "litellm_provider": "anthropic",
        "mode": "chat",
        "input_cost_per_token": 4e-06,
        "output_cost_per_token": 2.5e-05,
        "cache_creation_input_token_cost": 5e-06,
        "cache_creation_input_token_cost_above_1hr": 8e-06,
    },
    "whisper-1": {"mode": "audio_transcription", "litellm_provider": "openai"},
    "free-text": {"mode": "chat", "litellm_provider": "nobody"},
}


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "litellm.json"
    path.write_text(json.dumps(LISTED, indent=2))
    return path


def price(model: str = "corp-opus", **more: Any) -> Price:
    amounts = dict.fromkeys(("input", "cache_read", "cache_write_5m", "cache_write_1h", "output"), Decimal(1))
    usual = Price("corp", model, "standard", BEGINNING, None, 0, **amounts, request_usd=None)
    return replace(usual, **more)


# -- LiteLLM's list


def test_litellm_tells_tiers_batches_and_writes_of_an_hour(listed: Path) -> None:
    found, left_out = litellm.read(listed, listed.read_text())
    qwen = {(one.price.speed, one.price.tier_above): one.price for one in found if one.name == "qwen3-coder-plus"}
    assert sorted(qwen) == [("batch", 0), ("batch", 128_000), ("standard", 0), ("standard", 128_000)]
    assert qwen["standard", 0].amounts()[:5] == tuple(map(Decimal, ("1", "0.1", "1", "1", "5")))
    assert qwen["standard", 128_000].amounts()[:5] == tuple(map(Decimal, ("1.8", "0.1", "1.8", "1.8", "9")))
    assert qwen["batch", 0].input == Decimal("0.5")
    (opus,) = [one for one in found if one.known]
    assert opus.price.amounts()[:5] == tuple(map(Decimal, ("4", "4", "5", "8", "25")))
    assert left_out == {
        "mode audio_transcription": 1,
        "no price of tokens": 1,
        "a name that the list has before, of another provider": 1,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n"a": {"input_cost_per_token": 1,\n}', ":3: "),
        ('{\n"a": 5}', ":2: a: expected keys and values"),
        (
            '{"a": {"input_cost_per_token": 1e-6,\n"output_cost_per_token": "x"}}',
            ":2: output_cost_per_token of a must be dollars per token, not 'x'",
        ),
        (
            '{"a": {"output_cost_per_token": 1e-6,\n"input_cost_per_token": -1e-6}}',
            ":2: input_cost_per_token of a must be dollars per token, not -0.000001",
        ),
        ('{"a": {"mode": "embedding"}}', ":1: no model with a price"),
    ],
)
def test_a_wrong_list_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        changes.to_import(path, text)
    assert error.value.line().startswith(f"{path}:")
    assert message in error.value.line()


# -- writing prices.yaml

MINE = """\
# What our gateway charges.
prices:
  # agreed in May
  - model: corp-opus
    provider: corp
    input: 4
    output: 20
  - {model: corp-mini, provider: corp, input: 0.5, output: 2}   # small
# the end
"""


def test_what_is_imported_joins_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(MINE)
    joined = written.join(path, [("corp-mini", price("corp-mini")), ("corp-new", price("corp-new"))])
    assert (joined.added, joined.replaced, joined.same) == (1, 1, 0)
    assert "# agreed in May\n  - model: corp-opus\n    provider: corp\n    input: 4\n    output: 20\n" in joined.text
    assert "# What our gateway charges." in joined.text
    assert "small" not in joined.text
    written.write(path, joined.text)
    assert written.join(path, [("corp-new", price("corp-new"))]).same == 1
    names = dict(zip(overrides.load(path).names, overrides.load(path).prices, strict=True))
    assert names["corp-mini"] == price("corp-mini")
    assert names["corp-opus"].input == 4


@pytest.mark.parametrize("text", ["", "prices: []\n", "prices:\n", "prices: [{model: a, input: 1, output: 1}]\n"])
def test_any_form_of_the_file_takes_imports(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    joined = written.join(path, [("corp-opus", price())])
    path.write_text(joined.text)
    assert overrides.load(path).prices[-1] == price()
    assert len(overrides.load(path).prices) == 1 + text.count("model")


AMOUNTS = st.decimals(0, 10**6, places=9)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=12)
PRICES = st.builds(
    price,
    model=st.just(""),
    speed=st.sampled_from(overrides.SPEEDS),
    tier_above=st.integers(0, 10**7),
    valid_from=st.sampled_from([BEGINNING, BEGINNING.replace(year=2026), BEGINNING.replace(year=2026, hour=7)]),
    valid_to=st.sampled_from([None, BEGINNING.replace(year=2027)]),
    input=AMOUNTS,
    cache_read=AMOUNTS,
    cache_write_5m=AMOUNTS,
    cache_write_1h=AMOUNTS,
    output=AMOUNTS,
)


@given(name=NAMES, made=PRICES)
def test_every_price_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, name: str, made: Price
) -> None:
    path = tmp_path_factory.mktemp("written") / "prices.yaml"
    path.write_text("prices:\n" + written.render(name, made))
    (found,) = overrides.load(path).prices
    assert replace(found, model_id="") == made


# -- what would change


def told(bench: Workbench, then: Offered) -> dict[str, Money]:
    cursor = bench.database.cursor()
    seen = cursor.execute(changes.sql("seen_models")).fetchall()
    rows = cursor.execute(changes.sql("what_if"), changes.what_if_parameters(then, seen)).fetchall()
    return {row[1]: Money(*row) for row in rows}


def varied(bench: Workbench) -> None:
    """Requests of every kind that pricing tells apart."""
    sonnet = "claude-sonnet-4-5"
    bench.take(
        request(0),
        request(1, model=sonnet, input_tokens=150_000, cache_read_tokens=60_000),
        request(2, model="claude-opus-4-6", speed="fast"),
        request(4, model="corp-opus", cost_usd=Decimal("0.5")),
        request(5, cost_usd=Decimal("0.25"), cache_write_tokens=100),
        request(6, success=False, input_tokens=None, output_tokens=None),
        line(7, session_id="s2", cache_write_1h_tokens=1000, cache_write_5m_tokens=10, speed="batch"),
        counter("input", 300_000, session_id="s3", model=sonnet),
    )
    bench.build()


def test_the_prices_in_force_change_nothing(bench: Workbench) -> None:
    varied(bench)
    then = Offered(book.load(), overrides.NONE)
    stored = changes.stored_prices(bench.database.cursor().execute(changes.sql("stored_prices")).fetchall())
    assert changes.changes(stored, then.in_force()) == []
    found = told(bench, then)
    assert len(found) == 4
    for money in found.values():
        assert money.priced_then_usd == money.priced_now_usd
        assert money.cost_then_usd == money.cost_now_usd


def test_other_prices_tell_what_they_would_cost(bench: Workbench) -> None:
    varied(bench)
    corp = price("corp-opus", input=Decimal(2), output=Decimal(10))
    own = price(OPUS, provider="anthropic", input=Decimal(10), output=Decimal(50))
    then = Offered(book.load(), overrides.of([("corp-opus", corp), (OPUS, own)], "mine"))
    found = told(bench, then)
    # 1000 in and 100 out; what the client said counts as soon as the model is known.
    assert (found["corp-opus"].priced_now_usd, found["corp-opus"].priced_then_usd) == (None, Decimal("0.003"))
    assert (found["corp-opus"].cost_now_usd, found["corp-opus"].cost_then_usd) == (None, Decimal("0.5"))
    assert found["claude-opus-4-6"].cost_then_usd == found["claude-opus-4-6"].cost_now_usd
    stored = changes.stored_prices(bench.database.cursor().execute(changes.sql("stored_prices")).fetchall())
    assert [(one.kind, one.own) for one in changes.changes(stored, then.in_force())] == [("added", True)] * 2
    # And so they do, once they are there.
    bench.take(merged(_published(bench, then)))
    bench.build()
    rows = bench.rows("select model_name, sum(cost_usd) from staging.stg_api_requests group by all")
    assert {name: cost for name, cost in rows if name} == {name: money.cost_then_usd for name, money in found.items()}


def _published(bench: Workbench, then: Offered) -> list[Any]:
    later, cursor = ARRIVAL + timedelta(minutes=1), bench.database.cursor()
    names = export.model_name_rows(export.known_model_names(cursor), later, then.own)
    return [export.changed_price_rows(cursor, later, then.own), names]


# -- the commands, on a data directory


def test_diff_and_import_on_a_data_directory(tmp_path: Path, listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    with offline(load(data)) as workspace:
        qwen = {"model": "qwen3-coder-plus", "agent_type": "qwen_code", "input_tokens": 1_000_000}
        workspace.path.recorder.record(merged([request(0), line(5, session_id="s2", **qwen)])).result()
    where = ("--data-dir", str(data))
    assert main(["prices", "diff", *where]) == 0
    assert "no price differs" in capsys.readouterr().out
    assert main(["prices", "diff", str(listed), "--json", *where]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [one["kind"] for one in answer["changes"]] == ["added"] * 4
    money = {one["model_name"]: (one["cost_now_usd"], one["cost_then_usd"]) for one in answer["money"]}
    assert money == {OPUS: ("0.0075", "0.0075"), "qwen3-coder-plus": (None, "1.8009")}
    assert main(["prices", "import", str(listed), "--model", "qwen*", *where]) == 0
    shown = capsys.readouterr()
    assert "4 prices added, 0 replaced" in shown.out
    assert "prices of models that the price book knows" in shown.err
    assert main(["prices", "diff", *where]) == 0
    assert "1.800900" in capsys.readouterr().out
    with offline(load(data)):
        pass
    assert main(["prices", "diff", *where]) == 0
    assert "no price differs" in capsys.readouterr().out
    assert main(["prices", "show", "--model", "qwen3-coder-plus", "--on", "2026-11-20", "--json", *where]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4


def test_another_release_of_the_book_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, release = tmp_path / "data", tmp_path / "data.json"
    with offline(load(data)) as workspace:
        workspace.path.recorder.record(request(0)).result()
    model = {"id": OPUS, "match": {"equals": OPUS}, "prices": {"input_mtok": 4, "output_mtok": 20}}
    provider: dict[str, Any] = {"id": "anthropic", "name": "Anthropic", "api_pattern": "x", "models": [model]}
    provider["model_match"] = {"starts_with": "claude"}
    release.write_text(json.dumps([provider]))
    assert main(["prices", "diff", str(release), "--json", "--data-dir", str(data)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["book"] == "data.json"
    assert answer["money"][0]["cost_then_usd"] == "0.006"
    assert "changed" in {one["kind"] for one in answer["changes"]}
    assert answer["change_count"] > 1000  # everything else would be gone
    assert main(["prices", "show", "--model", OPUS, "--data-dir", str(data)]) == 0, "the bundled book is back"
    release.write_text('[{"id": 1}]')
    assert main(["prices", "diff", str(release), "--data-dir", str(data)]) == 2
    assert "not a list of genai-prices' providers" in capsys.readouterr().err
