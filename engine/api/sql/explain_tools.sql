-- Tool calls behind a figure.
select
    t.tool_call_key,
    t.session_id,
    t.agent_type,
    t.developer_id,
    d.developer_name,
    t.project_id,
    t.ts,
    t.tool_name,
    t.duration_ms,
    t.success,
    t.error_type
from staging.stg_agent_tool_calls as t
left join mart.dim_developers as d on d.developer_id = t.developer_id
where /*filter:rows*/ true
