"""A running engine follows prices.yaml and plans.yaml: history is priced anew, a wrong file changes nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.captures import captures, send_http
from tests.e2e.engine_process import EngineProcess, eventually, running

MODEL = "claude-opus-4-8"


def day(engine: EngineProcess) -> dict[str, Any]:
    """The costs of the model, and what the agent's plans cost."""
    with engine.local() as client:
        model = client.get("/api/v1/costs", params={"by": "model", "filter": f"model:{MODEL}"}).json()["data"]
        agent = client.get("/api/v1/costs", params={"by": "agent"}).json()["data"]
    return {"priced": Decimal(model[0]["cost_priced_usd"]), "paid": agent[0]["paid_usd"]} if model else {}


def test_prices_and_plans_are_followed_live(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        with engine.client() as client:
            for capture in captures("claude/edit"):
                assert send_http(client, capture, "protobuf").status_code == 200
        before = eventually(lambda: day(engine), "the capture is shown")
        assert before["paid"] is None

        own = engine.data_dir / "prices.yaml"
        book = {"input": 5, "cache_read": "0.5", "cache_write_5m": "6.25", "cache_write_1h": 10, "output": 25}
        double = "".join(f", {key}: {2 * Decimal(str(amount))}" for key, amount in book.items())
        own.write_text(f"prices:\n- {{model: {MODEL}{double}}}\n")
        eventually(lambda: day(engine)["priced"] == 2 * before["priced"], "history costs twice as much")

        own.write_text("prices:\n- {model: 5}\n")
        trouble = eventually(lambda: engine.status()["troubles"].get("prices"), "the broken file is told")
        assert trouble.startswith(f"{own}:2: ")
        assert day(engine)["priced"] == 2 * before["priced"]
        with engine.client() as client:
            assert client.get("/readyz").status_code == 200

        own.unlink()
        eventually(lambda: day(engine)["priced"] == before["priced"], "the book holds again")
        assert engine.status()["troubles"] == {}

        plan = "{vendor: anthropic, plan: Max, monthly: 300, seats: 1, from: 2026-11-01, until: 2026-12-01}"
        (engine.data_dir / "plans.yaml").write_text(f"plans:\n- {plan}\n")
        eventually(lambda: Decimal(day(engine)["paid"] or 0) == 200, "twenty days of a plan are paid")
        assert engine.terminate() == 0
