-- One row per coding agent that was seen, in the range or ever.
with
usage as (
    select
        u.agent_type,
        count(distinct u.developer_id) as developer_count,
        sum(u.request_count)::bigint as request_count,
        sum(u.error_count)::bigint as error_count,
        sum(u.input_tokens)::bigint as input_tokens,
        sum(u.cache_read_tokens)::bigint as cache_read_tokens,
        sum(u.cache_write_tokens)::bigint as cache_write_tokens,
        sum(u.output_tokens)::bigint as output_tokens,
        sum(u.total_tokens)::bigint as total_tokens,
        sum(u.unpriced_tokens)::bigint as unpriced_tokens,
        sum(u.cost_usd) as cost_usd
    from mart.fct_daily_usage as u
    left join mart.dim_developers as d on d.developer_id = u.developer_id
    left join mart.dim_projects as p on p.project_id = u.project_id
    where /*filter:usage*/ true
    group by u.agent_type
),

sessions as (
    select
        s.agent_type,
        count(*) as session_count,
        sum(s.tool_call_count)::bigint as tool_call_count,
        sum(s.tool_error_count)::bigint as tool_error_count,
        max(s.last_event_at) as last_event_at
    from mart.fct_sessions as s
    left join mart.dim_developers as d on d.developer_id = s.developer_id
    left join mart.dim_projects as p on p.project_id = s.project_id
    where /*filter:sessions*/ true
    group by s.agent_type
),

commits as (
    select
        c.agent_type,
        count(*) filter (c.attribution = 'assisted') as assisted_commit_count
    from mart.fct_git_commits as c
    left join mart.dim_developers as d on d.developer_id = c.developer_id
    left join mart.dim_projects as p on p.project_id = c.project_id
    where /*filter:commits*/ true
    group by c.agent_type
)

select
    a.agent_type,
    a.agent_display_name,
    a.vendor,
    a.interface_type,
    coalesce(usage.developer_count, 0) as developer_count,
    coalesce(sessions.session_count, 0) as session_count,
    coalesce(usage.request_count, 0) as request_count,
    coalesce(usage.error_count, 0) as error_count,
    coalesce(sessions.tool_call_count, 0) as tool_call_count,
    coalesce(sessions.tool_error_count, 0) as tool_error_count,
    coalesce(usage.input_tokens, 0) as input_tokens,
    coalesce(usage.cache_read_tokens, 0) as cache_read_tokens,
    coalesce(usage.cache_write_tokens, 0) as cache_write_tokens,
    coalesce(usage.output_tokens, 0) as output_tokens,
    coalesce(usage.total_tokens, 0) as total_tokens,
    coalesce(usage.unpriced_tokens, 0) as unpriced_tokens,
    usage.cost_usd,
    coalesce(commits.assisted_commit_count, 0) as assisted_commit_count,
    sessions.last_event_at
from mart.dim_agents as a
left join usage on usage.agent_type = a.agent_type
left join sessions on sessions.agent_type = a.agent_type
left join commits on commits.agent_type = a.agent_type
where
    usage.agent_type is not null
    or sessions.agent_type is not null
    or coalesce(commits.assisted_commit_count, 0) > 0
