-- One row per session. The state is a matter of the clock: an end hook that nothing followed, else the silence since.
select
    s.session_id,
    s.agent_type,
    s.developer_id,
    d.developer_name,
    d.developer_email,
    s.project_id,
    p.project_name,
    s.branch,
    case
        when s.has_end and s.last_event_at <= s.session_end + interval 10 seconds then 2
        when s.last_event_at >= $now::timestamptz - interval 2 minutes then 0
        when s.last_event_at >= $now::timestamptz - interval 15 minutes then 1
        else 2
    end as state_rank,
    ['live', 'idle', 'ended'][state_rank + 1] as state,
    cast(null as varchar) as activity,
    s.session_start,
    s.session_end,
    s.last_event_at,
    cast(s.duration_seconds as double) as duration_seconds,
    cast(s.active_seconds as double) as active_seconds,
    s.models,
    s.agent_version,
    s.request_count,
    s.error_count,
    s.tool_call_count,
    s.tool_error_count,
    s.prompt_count,
    s.subagent_request_count,
    s.commit_count,
    s.lines_added,
    s.lines_deleted,
    s.input_tokens,
    s.cache_read_tokens,
    s.cache_write_tokens,
    s.output_tokens,
    s.reasoning_tokens,
    s.total_tokens,
    s.unpriced_tokens,
    s.cost_usd,
    s.cost_reported_usd,
    s.cost_priced_usd,
    s.cost_basis,
    s.boundary_source,
    s.sources
from mart.fct_sessions as s
left join mart.dim_developers as d on d.developer_id = s.developer_id
left join mart.dim_projects as p on p.project_id = s.project_id
where /*filter:rows*/ true
