-- One row per tool call, one column per metric of it.
select
    t.ts as time,
    t.developer_id as developer,
    t.project_id as project,
    t.agent_type as agent,
    cast(null as varchar) as model,
    cast(null as varchar) as branch,
    t.session_id as session,
    1::decimal(38, 12) as tool_calls,
    case when not t.success then 1 else 0 end::decimal(38, 12) as tool_errors,
    t.duration_ms::decimal(38, 12) as tool_duration_ms
from staging.stg_agent_tool_calls as t
