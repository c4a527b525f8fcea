-- One row per developer: what happened in the range, or ever. A range or a filter on the work leaves out who did none;
-- `unknown` stands for nobody and is there only with work.
with
usage as (
    select
        u.developer_id,
        list(distinct u.agent_type order by u.agent_type) as agents,
        sum(u.request_count)::bigint as request_count,
        sum(u.total_tokens)::bigint as total_tokens,
        sum(u.unpriced_tokens)::bigint as unpriced_tokens,
        sum(u.cost_usd) as cost_usd
    from mart.fct_daily_usage as u
    left join mart.dim_projects as p on p.project_id = u.project_id
    where /*filter:usage*/ true
    group by u.developer_id
),

sessions as (
    select
        s.developer_id,
        count(*) as session_count,
        count(*) filter (
            s.last_event_at >= $now::timestamptz - interval 2 minutes
            and not coalesce(s.has_end and s.last_event_at <= s.session_end + interval 10 seconds, false)
        ) as live_session_count,
        sum(s.active_seconds) as active_seconds
    from mart.fct_sessions as s
    left join mart.dim_projects as p on p.project_id = s.project_id
    where /*filter:sessions*/ true
    group by s.developer_id
),

commits as (
    select
        c.developer_id,
        count(*) as commit_count,
        count(*) filter (c.attribution = 'assisted') as assisted_commit_count,
        sum(c.lines_added)::bigint as lines_added,
        sum(c.lines_deleted)::bigint as lines_deleted
    from mart.fct_git_commits as c
    left join mart.dim_projects as p on p.project_id = c.project_id
    where /*filter:commits*/ true
    group by c.developer_id
)

select
    d.developer_id,
    d.developer_name,
    d.developer_email,
    coalesce(usage.agents, []) as agents,
    coalesce(sessions.session_count, 0) as session_count,
    coalesce(sessions.live_session_count, 0) as live_session_count,
    coalesce(usage.request_count, 0) as request_count,
    cast(sessions.active_seconds as double) as active_seconds,
    coalesce(usage.total_tokens, 0) as total_tokens,
    coalesce(usage.unpriced_tokens, 0) as unpriced_tokens,
    usage.cost_usd,
    coalesce(commits.commit_count, 0) as commit_count,
    coalesce(commits.assisted_commit_count, 0) as assisted_commit_count,
    coalesce(commits.lines_added, 0) as lines_added,
    coalesce(commits.lines_deleted, 0) as lines_deleted,
    cast(usage.cost_usd / nullif(commits.commit_count, 0) as decimal(38, 6)) as cost_per_commit_usd,
    d.first_seen_at,
    d.last_seen_at
from mart.dim_developers as d
left join usage on usage.developer_id = d.developer_id
left join sessions on sessions.developer_id = d.developer_id
left join commits on commits.developer_id = d.developer_id
where
    /*filter:people*/ true
    and (
        (not $narrowed and d.developer_id <> 'unknown')
        or usage.developer_id is not null
        or sessions.developer_id is not null
        or commits.developer_id is not null
    )
