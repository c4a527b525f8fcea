"""Captured traffic of real agents gives the numbers that the model API really charged, however it arrives."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.e2e.captures import Capture, Clothes, as_json, captures, send_grpc, send_http
from tests.e2e.engine_process import ROOT, TELEMETRY, EngineProcess, aa_engine, environment, eventually, running

MEASURES = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
CLOTHES: tuple[Clothes, ...] = ("grpc", "protobuf", "json", "gzip", "chunked")


def attributes(record: dict[str, Any]) -> dict[str, Any]:
    return {item["key"]: next(iter(item["value"].values()), None) for item in record.get("attributes", ())}


PARTS = {"logs": ("resourceLogs", "scopeLogs", "logRecords"), "traces": ("resourceSpans", "scopeSpans", "spans")}
COUNTS = ("input_tokens", "input_token_count", "gen_ai.usage.input_tokens")
IDS = ("session.id", "conversation.id", "gen_ai.conversation.id")
PROVIDERS = {"claude": "anthropic", "gemini": "google", "gpt": "openai"}


def session_of(folder: Path) -> str | None:
    """The session whose model calls a scenario tells of."""
    for capture in captures(f"{folder.parent.name}/{folder.name}"):
        if capture.signal not in PARTS:
            continue
        outer, middle, inner = PARTS[capture.signal]
        for resource in json.loads(as_json(capture)).get(outer, ()):
            for scope in resource[middle]:
                for record in scope[inner]:
                    told = attributes(record)
                    if any(name in told for name in COUNTS):
                        return str(next(told[name] for name in IDS if name in told))
    return None


def price(model: str, usage: dict[str, int], at: float) -> Decimal | None:
    """What the price book says for one call, asked independently of our SQL; None: it does not know the model."""
    from genai_prices import Usage, calc_price

    provider = next((name for family, name in PROVIDERS.items() if model.startswith(family)), None)
    if provider is None:
        return None
    written = usage["cache_create"] if provider == "anthropic" else 0
    # Google counts thoughts beside the output, and bills them as output.
    thoughts = usage["reasoning"] if provider == "google" else 0
    whole = usage["input"] + usage["cache_read"] + written
    calculated = calc_price(
        Usage(
            input_tokens=whole,
            cache_read_tokens=usage["cache_read"],
            cache_write_tokens=written,
            output_tokens=usage["output"] + thoughts,
        ),
        model_ref=model,
        provider_id=provider,
        genai_request_timestamp=datetime.fromtimestamp(at, UTC),
    )
    return Decimal(calculated.total_price)


def truth() -> dict[str, dict[str, Any]]:
    """By session: the expected totals of all its scenarios and what they cost."""
    expected: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"request_count": 0, "cost": Decimal(0)} | dict.fromkeys(MEASURES, 0)
    )
    for file in sorted(TELEMETRY.glob("*/*/truth.json")):
        told = json.loads(file.read_text())
        session = session_of(file.parent)
        if told["expected"] is None or session is None:
            continue
        total = expected[session]
        total["request_count"] += told["expected"]["requests"]
        for measure in MEASURES:
            total[measure] += told["expected"][measure]
        prices = [price(request["model"], request["usage"], request["t"]) for request in told["requests"]]
        known = [amount for amount in prices if amount is not None]
        total["cost"] = total["cost"] + sum(known) if known else None
    return dict(expected)


def sessions(engine: EngineProcess) -> dict[str, dict[str, Any]]:
    with engine.local() as client:
        answer = client.get("/api/v1/sessions", params={"limit": 1000})
    assert answer.status_code == 200, answer.text
    return {row["session_id"]: row for row in answer.json()["data"]}


def assert_true(engine: EngineProcess, expected: dict[str, dict[str, Any]]) -> None:
    shown = sessions(engine)
    for session, total in expected.items():
        row = shown[session]
        successful = row["request_count"] - row["error_count"]
        assert successful == total["request_count"], session
        assert {measure: row[measure] for measure in MEASURES} == {measure: total[measure] for measure in MEASURES}, (
            session
        )
        assert money(row) == total["cost"], session


def money(row: dict[str, Any]) -> Decimal | None:
    """What the calls of a session cost by the price book."""
    return None if row["cost_priced_usd"] is None else Decimal(row["cost_priced_usd"])


def send_all(engine: EngineProcess, requests: list[Capture], random_: random.Random) -> None:
    with engine.client() as client, grpc.insecure_channel(engine.ready["grpc"]) as channel:
        for capture in requests:
            clothes = random_.choice(CLOTHES)
            if clothes == "grpc" and capture.is_protobuf:
                send_grpc(channel, capture)
            else:
                answer = send_http(client, capture, "protobuf" if clothes == "grpc" else clothes)
                assert answer.status_code == 200, answer.text


def caught_up(engine: EngineProcess) -> None:
    """Waits until the models know the last batch."""

    def fresh() -> bool:
        status = engine.settled()
        return bool(status["batch_id"] == status["journal"]["batch_id"])

    eventually(fresh, "the models know the last batch")


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[str, Any]]:
    found = truth()
    assert len(found) >= 25
    return found


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    with running(tmp_path) as started:
        yield started


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_and_twice_gives_the_truth(
    engine: EngineProcess, expected: dict[str, dict[str, Any]], seed: int
) -> None:
    random_ = random.Random(seed)
    requests = captures() * 2
    random_.shuffle(requests)
    send_all(engine, requests, random_)
    caught_up(engine)
    assert_true(engine, expected)


def test_transcripts_on_top_move_no_request_that_telemetry_told_of(
    engine: EngineProcess, expected: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    send_all(engine, captures(), random.Random(3))
    caught_up(engine)
    before = sessions(engine)
    folders = [str(folder) for folder in sorted(TELEMETRY.glob("*/*/transcripts"))]
    done = aa_engine(tmp_path, "import", "transcripts", "--data-dir", str(engine.data_dir), *folders)
    assert done.returncode == 0, done.stderr
    caught_up(engine)
    assert_true(engine, expected)
    after = sessions(engine)
    for session, row in before.items():
        if session in expected:
            assert after[session]["cost_usd"] == row["cost_usd"], session


def test_transcripts_alone_give_the_same_tokens(
    engine: EngineProcess, expected: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    folders = [str(folder) for folder in sorted(TELEMETRY.glob("*/*/transcripts"))]
    done = aa_engine(tmp_path, "import", "transcripts", "--data-dir", str(engine.data_dir), *folders)
    assert done.returncode == 0, done.stderr
    caught_up(engine)
    shown = sessions(engine)
    alone = [session for session in expected if session in shown]
    assert len(alone) >= 10
    for session in alone:
        told = {measure: shown[session][measure] for measure in MEASURES}
        assert all(told[measure] <= expected[session][measure] for measure in MEASURES), session


def test_the_screen_shows_what_the_api_tells(
    engine: EngineProcess, expected: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    send_all(engine, captures(), random.Random(4))
    caught_up(engine)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "console.cli", "--engine", f"unix:{engine.ready['socket']}"),
            *("--print", "--view", "live", "--filter", "since:2026-11-01", "--format", "json"),
        ],
        cwd=ROOT,
        env=environment(engine.home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = {row["session_id"]: row for row in json.loads(done.stdout)}
    for session, total in expected.items():
        assert money(shown[session]) == total["cost"], session
