-- One row per project: what happened in the range, or ever. A range or a filter leaves out projects without work in it.
with
usage as (
    select
        u.project_id,
        count(distinct u.developer_id) as developer_count,
        list(distinct u.agent_type order by u.agent_type) as agents,
        sum(u.request_count)::bigint as request_count,
        sum(u.total_tokens)::bigint as total_tokens,
        sum(u.unpriced_tokens)::bigint as unpriced_tokens,
        sum(u.cost_usd) as cost_usd
    from mart.fct_daily_usage as u
    left join mart.dim_developers as d on d.developer_id = u.developer_id
    where /*filter:usage*/ true
    group by u.project_id
),

sessions as (
    select
        s.project_id,
        count(*) as session_count,
        max(s.last_event_at) as last_event_at
    from mart.fct_sessions as s
    left join mart.dim_developers as d on d.developer_id = s.developer_id
    where /*filter:sessions*/ true
    group by s.project_id
),

commits as (
    select
        c.project_id,
        count(*) as commit_count,
        count(*) filter (c.attribution = 'assisted') as assisted_commit_count,
        sum(c.lines_added)::bigint as lines_added,
        sum(c.lines_deleted)::bigint as lines_deleted,
        max(c.commit_timestamp) as last_commit_at
    from mart.fct_git_commits as c
    left join mart.dim_developers as d on d.developer_id = c.developer_id
    where /*filter:commits*/ true
    group by c.project_id
)

select
    p.project_id,
    p.project_name,
    p.remote_url,
    coalesce(usage.developer_count, 0) as developer_count,
    coalesce(usage.agents, []) as agents,
    coalesce(sessions.session_count, 0) as session_count,
    coalesce(usage.request_count, 0) as request_count,
    coalesce(usage.total_tokens, 0) as total_tokens,
    coalesce(usage.unpriced_tokens, 0) as unpriced_tokens,
    usage.cost_usd,
    coalesce(commits.commit_count, 0) as commit_count,
    coalesce(commits.assisted_commit_count, 0) as assisted_commit_count,
    coalesce(commits.lines_added, 0) as lines_added,
    coalesce(commits.lines_deleted, 0) as lines_deleted,
    sessions.last_event_at,
    commits.last_commit_at
from mart.dim_projects as p
left join usage on usage.project_id = p.project_id
left join sessions on sessions.project_id = p.project_id
left join commits on commits.project_id = p.project_id
where
    /*filter:places*/ true
    and (
        not $narrowed
        or usage.project_id is not null
        or sessions.project_id is not null
        or commits.project_id is not null
    )
