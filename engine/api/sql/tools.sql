-- One row per tool call.
select
    t.tool_call_key,
    t.session_id,
    t.agent_type,
    t.developer_id,
    t.project_id,
    t.ts,
    t.usage_date,
    t.tool_name,
    t.tool_use_id,
    t.duration_ms,
    t.success,
    t.error_type,
    t.decision,
    t.file_extension,
    t.is_git_commit,
    t.commit_sha,
    t.is_subagent
from staging.stg_agent_tool_calls as t
where /*filter:rows*/ true
