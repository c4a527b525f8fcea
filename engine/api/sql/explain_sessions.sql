-- Sessions behind a figure.
select
    s.session_id,
    s.agent_type,
    s.developer_id,
    d.developer_name,
    s.project_id,
    p.project_name,
    s.branch,
    s.session_start,
    s.last_event_at,
    s.last_event_at >= $now::timestamptz - interval 2 minutes
    and not coalesce(s.has_end and s.last_event_at <= s.session_end + interval 10 seconds, false) as is_live,
    s.active_seconds,
    s.request_count,
    s.tool_call_count,
    s.tool_error_count,
    s.total_tokens,
    s.cost_usd
from mart.fct_sessions as s
left join mart.dim_developers as d on d.developer_id = s.developer_id
left join mart.dim_projects as p on p.project_id = s.project_id
where /*filter:rows*/ true
