"""`aa-engine serve` as agents, hooks, consoles and attackers meet it: real processes, real ports."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from tests.e2e.captures import Clothes, captures, send_grpc, send_http
from tests.e2e.engine_process import ROOT, EngineProcess, aa_engine, environment, eventually, running

TLS = ROOT / "tests" / "fixtures" / "tls"
SCENARIOS = ("claude/tool-grpc", "claude/edit", "claude/traces", "codex/tool-httppb")
COMMIT = {
    "commit_hash": "a" * 40,
    "commit_message": "Add login\n\nWith care",
    "author_name": "Alice",
    "author_email": "Alice@Example.com",
    "timestamp": 1763640000,
    "files_changed": 2,
    "lines_added": 30,
    "lines_deleted": 4,
    "agent_assisted": True,
    "agent_session_id": "s-1",
    "agent_type": "copilot",
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """One engine for the tests that leave no key behind."""
    with running(tmp_path_factory.mktemp("engine")) as engine:
        yield engine


def rows(told: dict[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {name: told["rows"][name] for name in ("otel_metrics", "otel_logs", "otel_spans")}
    return counts


# --- telemetry -------------------------------------------------------------------------------------------------------


def test_every_protocol_twice_stores_each_record_once(tmp_path: Path) -> None:
    requests = captures(*SCENARIOS)
    protobuf = [capture for capture in requests if capture.is_protobuf]
    with running(tmp_path) as engine:
        counts = []
        with engine.client() as client, grpc.insecure_channel(engine.ready["grpc"]) as channel:
            for clothes in ("protobuf", "gzip", "chunked", "json"):
                for capture in requests * 2:
                    answer = send_http(client, capture, clothes)
                    assert answer.status_code == 200, answer.text
                counts.append(rows(engine.settled()))
            for capture in protobuf * 2:
                assert send_grpc(channel, capture) == b""
            for capture in protobuf:
                assert send_grpc(channel, capture, compression=grpc.Compression.Gzip) == b""
            counts.append(rows(engine.settled()))
        assert all(number > 0 for number in counts[0].values())
        assert counts == [counts[0]] * len(counts)
        assert engine.terminate() == 0
    assert engine.ask("select count(*) from raw.dead_letters") == [(0,)]
    assert engine.ask("select count(*) - count(distinct dedup_key) from raw.otel_logs") == [(0,)]


def test_the_collectors_path_is_the_same_door(engine: EngineProcess) -> None:
    (capture, *_) = captures("claude/tool-httppb")
    with engine.client() as client:
        answer = send_http(client, capture, "protobuf", prefix="/v1/otel")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "application/x-protobuf", b"")


def test_json_is_answered_in_json(engine: EngineProcess) -> None:
    (capture, *_) = captures("claude/tool-httpjson")
    with engine.client() as client:
        answer = send_http(client, capture, "json")
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, "application/json", {})


def test_what_is_refused_of_a_request_is_counted_and_the_rest_stored(tmp_path: Path) -> None:
    times = {"startTimeUnixNano": "1763640000000000000", "endTimeUnixNano": "1763640001000000000"}
    good = {"name": "good", "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", **times}
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [good, good | {"name": "bad", "spanId": "00"}]}]}]}
    with running(tmp_path) as engine:
        with engine.client() as client:
            answer = client.post("/v1/traces", json=document)
        assert answer.status_code == 200
        partial = answer.json()["partialSuccess"]
        assert partial["rejectedSpans"] == "1"
        assert "span id" in partial["errorMessage"]
        assert engine.settled()["rows"]["otel_spans"] == 1
        engine.terminate()
    assert engine.ask("select signal, records from raw.dead_letters") == [("traces", 1)]


def test_a_session_is_in_the_api_after_its_telemetry_was_acknowledged(engine: EngineProcess) -> None:
    with engine.client() as client:
        for capture in captures("claude/commit-details"):
            assert send_http(client, capture, "protobuf").status_code == 200
    session = "13664dd7-81d8-4664-ac16-02c6ca8ccefc"
    with engine.local() as local:

        def found() -> list[dict[str, Any]]:
            data: list[dict[str, Any]] = local.get(f"/api/v1/requests?filter=session:{session}").json().get("data", [])
            return data

        requests = eventually(found, "the session's requests are in the API")
    assert {request["developer_id"] for request in requests} == {"local@example.com"}


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "status", "says"),
    [
        ({"content-type": "text/plain"}, b"x", 415, "text/plain"),
        ({}, b"x", 415, "content type"),
        ({"content-type": "application/x-protobuf"}, b"\xff\xff\xff garbage", 400, ""),
        ({"content-type": "application/json"}, b"{", 400, ""),
        ({"content-type": "application/json"}, b"[1, 2]", 400, ""),
        ({"content-type": "application/x-protobuf", "content-encoding": "gzip"}, b"no gzip", 400, "gzip"),
        ({"content-type": "application/x-protobuf", "content-encoding": "br"}, b"x", 415, "content encoding br"),
    ],
)
def test_garbage_is_a_problem_with_a_reason(
    engine: EngineProcess, headers: dict[str, str], body: bytes, status: int, says: str
) -> None:
    with engine.client() as client:
        answer = client.post("/v1/logs", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert says in problem["detail"]


def test_bodies_beyond_the_limit_are_refused_however_they_come(tmp_path: Path) -> None:
    (tmp_path / "engine.yaml").write_text("ingest:\n  max_body_bytes: 100000\n")
    large = b"\x0a" * 200_000
    headers = {"content-type": "application/x-protobuf"}
    with running(tmp_path, "--config", str(tmp_path / "engine.yaml")) as engine:
        with engine.client() as client:
            plain = client.post("/v1/logs", content=large, headers=headers)
            bomb = client.post(
                "/v1/logs", content=gzip.compress(bytes(50_000_000)), headers=headers | {"content-encoding": "gzip"}
            )
            assert (plain.status_code, bomb.status_code) == (413, 413)
        with engine.client() as client, contextlib.suppress(httpx.WriteError):
            chunks = (large[start : start + 1000] for start in range(0, len(large), 1000))
            assert client.post("/v1/logs", content=chunks, headers=headers).status_code == 413
        with grpc.insecure_channel(engine.ready["grpc"]) as channel:
            (capture, *_) = captures("claude/tool-grpc")
            for body, compression in ((large, None), (bytes(50_000_000), grpc.Compression.Gzip)):
                with pytest.raises(grpc.RpcError) as refused:
                    send_grpc(channel, replace(capture, body=body), compression=compression)
                assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            send_grpc(channel, capture)
        assert engine.settled()["ready"]
        engine.terminate()
    reasons = engine.ask("select signal, reason, body_bytes from raw.dead_letters")
    assert len(reasons) >= 2
    assert all("larger than 100000 bytes" in reason for _, reason, _ in reasons)


def test_refused_bodies_leave_a_dead_letter_without_their_content(tmp_path: Path) -> None:
    marker = b"the-secret-plan"
    with running(tmp_path) as engine:
        with engine.client() as client:
            for path in ("/v1/logs", "/v1/metrics", "/v1/traces", "/v1/commits", "/v1/events"):
                body = b'{"' + marker + b'": '
                answer = client.post(path, content=body, headers={"content-type": "application/json"})
                assert answer.status_code == 400
        engine.settled()
        engine.terminate()
    found = engine.ask("select signal, body_bytes from raw.dead_letters order by signal")
    assert found == [(name, 20) for name in ("commits", "events", "logs", "metrics", "traces")]
    for file in engine.data_dir.rglob("*"):
        if file.is_file():
            assert marker not in file.read_bytes(), file


def test_garbage_on_both_ports_disturbs_nobody(engine: EngineProcess) -> None:
    for address in (engine.ready["http"].removeprefix("http://"), engine.ready["grpc"]):
        host, _, port = address.rpartition(":")
        for junk in (b"\x00" * 100, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET\r\n\r\n", os.urandom(4000)):
            with socket.create_connection((host, int(port)), timeout=30) as connection, contextlib.suppress(OSError):
                connection.sendall(junk)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
    with engine.client() as client, grpc.insecure_channel(engine.ready["grpc"]) as channel:
        assert client.get("/healthz").status_code == 200
        send_grpc(channel, captures("claude/tool-grpc")[0])


def test_garbage_in_a_grpc_call_is_an_invalid_argument(engine: EngineProcess) -> None:
    (capture, *_) = captures("claude/tool-grpc")
    with grpc.insecure_channel(engine.ready["grpc"]) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            send_grpc(channel, replace(capture, body=b"\xff\xff\xff garbage"))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_other_methods_are_told_which_to_use(engine: EngineProcess) -> None:
    with engine.client() as client:
        answer = client.get("/v1/metrics")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


# --- what hooks post -------------------------------------------------------------------------------------------------


def test_the_seeds_commit_is_taken_and_is_idempotent(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        with engine.client() as client:
            single = client.post("/v1/commits", json=COMMIT)
            several = client.post("/v1/commits", json=[COMMIT, COMMIT | {"commit_hash": "b" * 40}])
        assert (single.status_code, single.json()) == (200, {"accepted": 1})
        assert (several.status_code, several.json()) == (200, {"accepted": 2})
        assert engine.settled()["rows"]["git_commits"] == 2
        engine.terminate()
    stored = engine.ask(
        "select project_id, author_email, developer_id, agent_type, source from raw.git_commits order by commit_hash"
    )
    assert stored == [("unassigned", "Alice@Example.com", "alice@example.com", "github_copilot", "api")] * 2


def test_every_mistake_is_named_and_nothing_is_stored(engine: EngineProcess) -> None:
    before = engine.settled()["rows"]["git_commits"]
    wrong = COMMIT | {"commit_hash": "xyz", "timestamp": "yesterday", "lines_added": -1}
    with engine.client() as client:
        answer = client.post("/v1/commits", json=[COMMIT, wrong])
    assert answer.status_code == 400
    problem = answer.json()
    assert [error["pointer"] for error in problem["errors"]] == ["/1/commit_hash", "/1/timestamp", "/1/lines_added"]
    assert "nothing was stored" in problem["detail"]
    assert engine.settled()["rows"]["git_commits"] == before


def test_the_other_payloads_are_taken(tmp_path: Path) -> None:
    copilot = {
        "day": "2026-11-20",
        "total_suggestions": 100,
        "total_acceptances": 40,
        "total_lines_suggested": 200,
        "total_lines_accepted": 80,
        "total_active_users": 5,
        "language_breakdown": [{"language": "python", "suggestions": 60, "acceptances": 30}],
    }
    event = {"event_type": "agent.completed", "correlation_id": "c", "cost_usd": 0.1, "metadata": {"n": 1, "text": "x"}}
    context = {
        "agent_type": "claude_code",
        "session_id": "s-1",
        "event": "start",
        "cwd": str(tmp_path),
        "branch": "main",
    }
    usage = {"agent_type": "codex", "session_id": "s-2", "timestamp": "2026-11-20T10:00:00Z", "input_tokens": 10}
    posted = {"copilot-metrics": copilot, "events": event | {"id": "e-1"}, "sessions/context": context, "usage": usage}
    with running(tmp_path) as engine:
        with engine.client() as client:
            for name, document in posted.items():
                for _ in range(2):
                    answer = client.post(f"/v1/{name}", json=document)
                    assert answer.status_code == 200, answer.text
        counts = engine.settled()["rows"]
        engine.terminate()
    assert {name: counts[name] for name in ("copilot_metrics", "events", "transcript_usage")} == {
        "copilot_metrics": 1,
        "events": 1,
        "transcript_usage": 1,
    }
    assert engine.ask("select attributes, cost_usd::varchar from raw.events") == [('{"n":1}', "0.100000000000")]
    assert engine.ask("select attribute_name from raw.dropped_attributes where signal = 'events'") == [("text",)]
    assert {row[0] for row in engine.ask("select branch from raw.session_context")} == {"main"}
    assert engine.ask("select project_id like 'path:%' from raw.session_context limit 1") == [(True,)]


# --- doors -----------------------------------------------------------------------------------------------------------


def test_the_socket_is_private_and_its_owner_is_an_administrator(engine: EngineProcess) -> None:
    assert Path(engine.ready["socket"]).stat().st_mode & 0o777 == 0o600
    assert engine.data_dir.stat().st_mode & 0o777 == 0o700
    assert engine.status()["pid"] == engine.ready["pid"]


def test_the_api_over_tcp_needs_a_key(engine: EngineProcess) -> None:
    with engine.client() as client:
        for path in ("/api/v1/sessions", "/api/v1/stream", "/openapi.json", "/nowhere", "/api/v1/internal/rows"):
            answer = client.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:4318"},
        {"host": "127.0.0.1.evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_a_web_page_reaches_nothing(engine: EngineProcess, headers: dict[str, str]) -> None:
    with engine.client() as client:
        for method, path in (("GET", "/healthz"), ("POST", "/v1/events"), ("GET", "/api/v1/sessions")):
            answer = client.request(method, path, headers=headers)
            assert answer.status_code == 403, (path, headers)


def test_localhost_by_any_of_its_names_is_let_in(engine: EngineProcess) -> None:
    with engine.client() as client:
        for host in ("localhost", "LOCALHOST:4318", "127.0.0.1:1", "[::1]:4318"):
            assert client.get("/healthz", headers={"host": host}).status_code == 200, host


def test_the_first_ingest_key_closes_the_open_door(tmp_path: Path) -> None:
    body = {"event_type": "x"}
    (capture, *_) = captures("claude/tool-grpc")
    with running(tmp_path) as engine, engine.client() as client, grpc.insecure_channel(engine.ready["grpc"]) as channel:
        assert client.post("/v1/events", json=body).status_code == 200

        def make(role: str, *more: str) -> dict[str, str]:
            made = aa_engine(
                tmp_path, "keys", "create", "--role", role, *more, "--json", "--data-dir", str(engine.data_dir)
            )
            assert made.returncode == 0, made.stderr
            key: dict[str, str] = json.loads(made.stdout)
            return key

        viewer = make("viewer")
        assert client.post("/v1/events", json=body).status_code == 200
        ingest = make("ingest", "--developer", "alice")
        assert client.post("/v1/events", json=body).status_code == 401
        with pytest.raises(grpc.RpcError) as refused:
            send_grpc(channel, capture)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED

        key = {"x-api-key": ingest["key"]}
        assert client.post("/v1/events", json=body | {"id": "alices"}, headers=key).status_code == 200
        assert send_grpc(channel, capture, metadata=list(key.items())) == b""
        assert client.get("/api/v1/sessions", headers=key).status_code == 403

        bearer = {"authorization": f"Bearer {viewer['key']}"}
        assert client.get("/api/v1/sessions", headers=bearer).status_code == 200
        assert client.post("/v1/events", json=body, headers=bearer).status_code == 403
        assert client.post("/api/v1/internal/rows", content=b"", headers=bearer).status_code == 403
        with pytest.raises(grpc.RpcError) as refused:
            send_grpc(channel, capture, metadata=list(bearer.items()))
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED

        aa_engine(tmp_path, "keys", "revoke", ingest["key_id"], "--data-dir", str(engine.data_dir))
        assert client.post("/v1/events", json=body, headers=key).status_code == 401
        assert client.post("/v1/events", json=body).status_code == 401
        engine.settled()
        engine.terminate()
    senders = "select developer_id from raw.otel_logs union select developer_id from raw.otel_metrics"
    assert engine.ask(senders) == [("alice",)]


def test_beyond_loopback_without_tls_and_keys_is_refused(tmp_path: Path) -> None:
    refused = aa_engine(tmp_path, "serve", "--data-dir", str(tmp_path / "data"), "--http", "0.0.0.0:0")
    assert refused.returncode == 2
    assert "TLS" in refused.stderr
    assert "--insecure" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_beyond_loopback_with_insecure_is_served(tmp_path: Path) -> None:
    with running(tmp_path, "--http", "0.0.0.0:0", "--insecure") as engine, engine.client() as client:
        assert client.get("/healthz").status_code == 200


def test_with_tls_and_a_key_it_listens_beyond_loopback(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    key = json.loads(aa_engine(tmp_path, "keys", "create", "--role", "admin", "--json", *data).stdout)["key"]
    certificate, private = TLS / "localhost.crt", TLS / "localhost.key"
    doors = ("--http", "0.0.0.0:0", "--grpc", "0.0.0.0:0", "--tls-cert", str(certificate), "--tls-key", str(private))
    (capture, *_) = captures("claude/tool-grpc")
    with running(tmp_path, *doors, ports=False) as engine:
        http, grpc_port = engine.ready["http"].rpartition(":")[2], engine.ready["grpc"].rpartition(":")[2]
        trusted = ssl.create_default_context(cafile=str(certificate))
        with httpx.Client(base_url=f"https://localhost:{http}", verify=trusted, trust_env=False) as client:
            assert client.get("/api/v1/sessions").status_code == 401
            assert client.get("/api/v1/sessions", headers={"x-api-key": key}).status_code == 200
        console = [sys.executable, "-m", "console.cli", "--engine", f"https://localhost:{http}", "--print"]
        doubtful, sure = (
            subprocess.run(console, env=environment(engine.home) | more, capture_output=True, text=True, check=False)
            for more in ({}, {"SSL_CERT_FILE": str(certificate)})
        )
        assert "its certificate is not trusted here; SSL_CERT_FILE=FILE names" in doubtful.stderr
        assert "an API key is needed" in sure.stderr
        credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
        with grpc.secure_channel(f"localhost:{grpc_port}", credentials) as channel:
            assert send_grpc(channel, capture, metadata=[("x-api-key", key)]) == b""


def test_a_certificate_that_does_not_fit_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for flags, says in (
        (("--tls-cert", str(TLS / "localhost.crt")), "both a certificate and its key"),
        (("--tls-cert", str(tmp_path / "empty.pem"), "--tls-key", str(TLS / "localhost.key")), "cannot use"),
        (("--tls-cert", "nowhere", "--tls-key", "nowhere"), "cannot use nowhere"),
    ):
        refused = aa_engine(tmp_path, "serve", "--data-dir", str(tmp_path / "data"), *flags)
        assert refused.returncode == 2
        assert says in refused.stderr


# --- one engine per directory, one holder per port -------------------------------------------------------------------


def test_a_second_engine_is_refused_and_told_who_is_first(engine: EngineProcess) -> None:
    second = aa_engine(
        engine.folder, "serve", "--data-dir", str(engine.data_dir), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"
    )
    assert second.returncode == 1
    assert f"process {engine.ready['pid']}" in second.stderr
    assert engine.ready["http"] in second.stderr
    assert engine.ready["socket"] in second.stderr
    assert engine.status()["ready"]


@pytest.mark.parametrize("door", ["http", "grpc"])
def test_a_taken_port_is_refused_with_its_holder(tmp_path: Path, door: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        other = "grpc" if door == "http" else "http"
        refused = aa_engine(
            tmp_path, "serve", "--data-dir", str(tmp_path / "data"),
            f"--{door}", f"127.0.0.1:{port}", f"--{other}", "127.0.0.1:0",
        )  # fmt: skip
    assert refused.returncode == 1
    assert f"127.0.0.1:{port} is in use by process {os.getpid()}" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "data" / "engine.json").exists()


def test_embedded_with_taken_ports_it_serves_its_socket_and_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        with running(tmp_path, "--embedded", "--http", taken, "--grpc", taken, ports=False) as engine:
            assert (engine.ready["http"], engine.ready["grpc"]) == (None, None)
            assert engine.status()["ready"]
            assert engine.stderr().count(f"{taken} is in use") == 2


def test_a_path_too_long_for_a_socket_moves_it_to_the_runtime_directory(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 20) / ("path" * 10)
    deep.mkdir(parents=True)
    with running(deep) as engine:
        place = Path(engine.ready["socket"])
        assert not place.is_relative_to(deep)
        assert place.stat().st_mode & 0o777 == 0o600
        assert engine.status()["ready"]
    assert not place.exists()


# --- start and stop --------------------------------------------------------------------------------------------------


def test_the_ready_line_is_kept_for_clients_and_gone_after_the_end(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        told = json.loads((engine.data_dir / "engine.json").read_text())
        assert told == engine.ready
        assert told["ready"] is True
        assert (told["pid"], told["http"][:17]) == (engine.process and engine.process.pid, "http://127.0.0.1:")
        with engine.client() as client:
            assert client.get("/readyz").json() == {"version": told["version"], "ready": True, "troubles": {}}
        assert engine.terminate() == 0
        assert not (engine.data_dir / "engine.json").exists()
        assert not Path(told["socket"]).exists()
        assert engine.stderr() == ""


def test_stopping_applies_the_journal_and_leaves_no_log_to_replay(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        with engine.client() as client:
            for number in range(50):
                assert client.post("/v1/events", json={"event_type": "x", "id": str(number)}).status_code == 200
        assert engine.terminate() == 0
    assert engine.ask("select count(*) from raw.events") == [(50,)]
    assert not (engine.data_dir / "agent_analytics.duckdb.wal").exists()


def test_a_request_that_has_begun_is_answered_during_the_stop(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        assert engine.process is not None
        host, _, port = engine.ready["http"].removeprefix("http://").rpartition(":")
        body = json.dumps({"event_type": "last flush"}).encode()
        head = f"POST /v1/events HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body[:5])
            engine.status()  # the first half has arrived by now: both doors share one loop
            engine.process.send_signal(signal.SIGTERM)
            eventually(lambda: not (engine.data_dir / "engine.json").exists(), "the engine has begun to stop")
            connection.sendall(body[5:])
            answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200")
        assert engine.process.wait(60) == 0
    assert engine.ask("select event_type from raw.events") == [("last flush",)]


def test_an_interrupt_stops_it_as_well(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        assert engine.process is not None
        engine.process.send_signal(signal.SIGINT)
        assert engine.process.wait(60) == 0


def test_open_streams_end_when_it_stops(tmp_path: Path) -> None:
    with running(tmp_path) as engine, engine.local() as client:
        with client.stream("GET", "/api/v1/stream") as stream:
            lines = stream.iter_lines()
            assert any(line == "event: hello" for line in lines)
            assert engine.process is not None
            engine.process.send_signal(signal.SIGTERM)
            for _ in lines:
                pass
        assert engine.process.wait(60) == 0


def test_it_ends_by_itself_when_nobody_watches(tmp_path: Path) -> None:
    with running(tmp_path, "--idle-exit", "1") as engine:
        assert engine.process is not None
        with engine.local() as client, client.stream("GET", "/api/v1/stream") as stream:
            lines = stream.iter_lines()
            assert any(line == "event: hello" for line in lines)
            with pytest.raises(Exception, match="timed out"):
                engine.process.wait(2)
        assert engine.process.wait(60) == 0
    assert "nobody has watched for 1 s" in engine.stderr()


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    for expected in (1, 2):
        with running(tmp_path) as engine:
            with engine.client() as client:
                client.post("/v1/events", json={"event_type": "x", "id": str(expected)})
            assert engine.settled()["rows"]["events"] == expected


# --- commands beside a running engine --------------------------------------------------------------------------------


def test_status_tells_what_runs_and_that_nothing_runs(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        told = aa_engine(tmp_path, "status", "--data-dir", str(engine.data_dir))
        assert told.returncode == 0, told.stderr
        assert engine.ready["http"] in told.stdout
        machine = aa_engine(tmp_path, "status", "--json", "--data-dir", str(engine.data_dir))
        assert json.loads(machine.stdout)["pid"] == engine.ready["pid"]
        engine.terminate()
        gone = aa_engine(tmp_path, "status", "--data-dir", str(engine.data_dir))
    assert gone.returncode == 1
    assert "no engine runs" in gone.stderr


def test_status_tells_what_cannot_be_read_beside_what_can(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "repositories.json").write_text("{")
    (tmp_path / "data" / "engine.yaml").write_text(f"repositories: [{tmp_path / 'nowhere'}]\n")
    with running(tmp_path) as engine:

        def told() -> str:
            return aa_engine(tmp_path, "status", "--data-dir", str(engine.data_dir)).stdout

        eventually(lambda: "? repositories" in told() and "repositories.json:1: " in told(), "the list is told")
        (engine.data_dir / "repositories.json").write_text('{"repositories": []}')
        eventually(lambda: "? repository " in told() and str(tmp_path / "nowhere") in told(), "the folder is told")


def test_keys_that_cannot_be_read_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "keys.json").write_text('{"version": 1, "keys": [3]}')
    refused = aa_engine(tmp_path, "serve", "--data-dir", str(tmp_path / "data"), "--http", "127.0.0.1:0")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert len(refused.stderr.splitlines()) == 1
    assert "keys.json is damaged" in refused.stderr


@pytest.mark.parametrize("text", ["ab", "zz" * 32, "00" * 31])
def test_a_damaged_hash_key_stops_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "hash.key").write_text(text)
    refused = aa_engine(
        tmp_path, "serve", "--data-dir", str(tmp_path / "data"), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "hash.key is damaged" in refused.stderr


def test_migrating_a_directory_in_use_is_refused(engine: EngineProcess) -> None:
    refused = aa_engine(engine.folder, "migrate", "--data-dir", str(engine.data_dir))
    assert refused.returncode == 1
    assert f"process {engine.ready['pid']}" in refused.stderr


def test_wrong_settings_stop_the_start_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "engine.yaml").write_text("http: 127.0.0.1:0\ngprc: 127.0.0.1:0\n")
    refused = aa_engine(
        tmp_path, "serve", "--data-dir", str(tmp_path / "data"), "--config", str(tmp_path / "engine.yaml")
    )
    assert refused.returncode == 2
    assert "engine.yaml:2" in refused.stderr
    assert "did you mean grpc?" in refused.stderr


@pytest.mark.parametrize("clothes", ["protobuf", "json"])
def test_large_requests_do_not_hold_up_small_ones(engine: EngineProcess, clothes: Clothes) -> None:
    bodies = captures("claude/long-delta")
    with engine.client() as client:
        for capture in bodies:
            assert send_http(client, capture, clothes).status_code == 200
        assert client.get("/healthz").status_code == 200
