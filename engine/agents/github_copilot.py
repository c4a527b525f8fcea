"""GitHub Copilot, in the terminal and in the editor: what its telemetry is called and means.

Owns its spans, because it sends no log records: a `chat` span per reply, an `execute_tool` span per tool call, both
under OpenTelemetry's names for generative AI; input tokens include cache reads and writes. Refuses `invoke_agent`'s
tokens, which repeat the sum of its chats, `github.copilot.cost`, whose unit nobody documents, and messages, arguments
and results.
"""

from __future__ import annotations

from engine.agents import arguments, casts, other
from engine.agents.declaration import Agent, Content, HotColumns


def refine_tool(row: HotColumns, content: Content, hash_key: bytes) -> None:
    """What a tool's arguments and result tell."""
    if not (row["span_name"] or "").startswith("execute_tool"):
        return
    given = arguments.read(content.get("gen_ai.tool.call.arguments"))
    command = given.get("command") if isinstance(given, dict) else None
    command = command or content.get("github.copilot.tool.parameters.command")
    path = content.get("github.copilot.tool.parameters.file_path")
    row["file_extension"] = arguments.file_extension(given) or arguments.extension(path)
    row["is_git_commit"] = arguments.commits(command)
    if row["is_git_commit"]:
        row["commit_sha"] = arguments.commit_in_output(content.get("gen_ai.tool.call.result"))
    row["arguments_hash"] = arguments.hashed(hash_key, row["tool_name"], given)
    code = casts.integer(content.get("process.exit.code"))
    # A command that ends with an error did run: its span says so by the exit code alone.
    row["success"] = row["status"] != "error" and row["error_type"] is None and code in (None, 0)


AGENT = Agent(
    agent_type="github_copilot",
    display_name="GitHub Copilot",
    vendor="GitHub",
    interface="Terminal",
    service_names=("github-copilot", "github-copilot-*", "copilot-chat", "copilot-cli"),
    scope_names=("github.copilot", "copilot-chat"),
    event_prefixes=("copilot_chat.", "github.copilot."),
    aliases=("copilot", "copilot_cli"),
    input_includes_cache=True,
    output_excludes_reasoning=False,
    session_variables=("COPILOT_AGENT_SESSION_ID",),
    flag_variables=("COPILOT_CLI",),
    trailer_patterns=(
        r"co-authored-by:.*[0-9]+\+copilot@users\.noreply\.github\.com",
        r"[0-9]+\+copilot@users\.noreply\.github\.com",
        r"copilot@github\.com",
    ),
    log_fields=other.LOG_FIELDS,
    metric_fields=other.METRIC_FIELDS,
    span_fields=other.SPAN_FIELDS,
    kept_attributes=other.KEPT
    | {
        "gen_ai.request.reasoning.level",
        "gen_ai.request.stream",
        "github.copilot.agent.type",
        "github.copilot.initiator",
        "github.copilot.interaction_id",
        "github.copilot.turn_count",
        "github.copilot.turn_id",
    },
    examined_attributes=frozenset(
        {
            "gen_ai.tool.call.arguments",
            "gen_ai.tool.call.result",
            "github.copilot.tool.parameters.command",
            "github.copilot.tool.parameters.file_path",
            "process.exit.code",
        }
    ),
    refine_span=refine_tool,
)
