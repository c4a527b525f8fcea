-- One row per (session, source): what each source alone tells of the session, beside what was counted (source `counted`).
with
chosen as (
    select
        s.agent_type,
        s.session_id,
        s.developer_id,
        d.developer_name
    from mart.fct_sessions as s
    left join mart.dim_developers as d on d.developer_id = s.developer_id
    left join mart.dim_projects as p on p.project_id = s.project_id
    where /*filter:rows*/ true
),

told as (
    select
        o.agent_type,
        o.session_id,
        o.source,
        count(*) filter (o.success and o.grain = 'request') as request_count,
        count(*) filter (not o.success) as error_count,
        sum(o.input_tokens)::bigint as input_tokens,
        sum(o.cache_read_tokens)::bigint as cache_read_tokens,
        sum(o.cache_write_tokens)::bigint as cache_write_tokens,
        sum(o.output_tokens)::bigint as output_tokens,
        sum(o.cost_reported_usd) as cost_reported_usd,
        min(o.ts) as first_event_at,
        max(o.ts) as last_event_at
    from staging.stg_request_observations as o
    where o.session_id in (select session_id from chosen)
    group by o.agent_type, o.session_id, o.source
),

requests as (
    select r.*
    from staging.stg_api_requests as r
    where r.session_id in (select session_id from chosen)
),

counted as (
    select
        r.agent_type,
        r.session_id,
        'counted' as source,
        count(*) filter (r.success and r.grain = 'request') as request_count,
        count(*) filter (not r.success) as error_count,
        sum(r.input_tokens)::bigint as input_tokens,
        sum(r.cache_read_tokens)::bigint as cache_read_tokens,
        sum(r.cache_write_tokens)::bigint as cache_write_tokens,
        sum(r.output_tokens)::bigint as output_tokens,
        sum(r.cost_reported_usd) as cost_reported_usd,
        min(r.ts) as first_event_at,
        max(r.ts) as last_event_at
    from requests as r
    group by r.agent_type, r.session_id
),

covered as (
    select
        agent_type,
        session_id,
        source,
        sum(cost_usd) as cost_usd,
        sum(total_tokens) filter (alone)::bigint as only_tokens
    from (select *, unnest(sources) as source, len(sources) = 1 as alone from requests)
    group by agent_type, session_id, source
),

whole as (
    select
        agent_type,
        session_id,
        sum(cost_usd) as cost_usd,
        sum(total_tokens)::bigint as total_tokens,
        coalesce(sum(total_tokens) filter (len(sources) = 1), 0)::bigint as only_tokens
    from requests
    group by agent_type, session_id
),

signs as (
    select
        agent_type,
        session_id,
        'hook' as source,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
        sum(event_count)::bigint as sign_count
    from intermediate.int_hook_days
    where session_id in (select session_id from chosen)
    group by agent_type, session_id
    union all
    select
        l.agent_type,
        l.session_id,
        'commit' as source,
        min(c.commit_timestamp) as first_event_at,
        max(c.commit_timestamp) as last_event_at,
        count(*) as sign_count
    from intermediate.int_commit_session_links as l
    left join staging.stg_git_commits as c on c.project_id = l.project_id and c.commit_hash = l.commit_hash
    where l.session_id in (select session_id from chosen)
    group by l.agent_type, l.session_id
),

everything as (
    select * from told
    union all by name
    select * from counted
    union all by name
    select * from signs
)

select
    e.agent_type || ' ' || e.session_id || ' ' || e.source as source_key,
    e.agent_type,
    e.session_id,
    s.developer_id,
    s.developer_name,
    e.source,
    case e.source
        when 'counted' then 0 when 'log' then 1 when 'span' then 2 when 'metric' then 3 when 'transcript' then 4
        when 'hook' then 5 else 6
    end as source_rank,
    e.request_count,
    e.error_count,
    e.sign_count,
    e.input_tokens,
    e.cache_read_tokens,
    e.cache_write_tokens,
    e.output_tokens,
    e.input_tokens + e.cache_read_tokens + e.cache_write_tokens + e.output_tokens as total_tokens,
    case
        when e.source <> 'counted'
            then e.input_tokens + e.cache_read_tokens + e.cache_write_tokens + e.output_tokens - w.total_tokens
    end as difference_tokens,
    case when e.source = 'counted' then w.only_tokens else coalesce(v.only_tokens, 0) end as only_tokens,
    case when e.source = 'counted' then w.cost_usd else v.cost_usd end as cost_usd,
    e.cost_reported_usd,
    e.first_event_at,
    e.last_event_at
from everything as e
join chosen as s on s.agent_type = e.agent_type and s.session_id = e.session_id
left join whole as w on w.agent_type = e.agent_type and w.session_id = e.session_id
left join covered as v on v.agent_type = e.agent_type and v.session_id = e.session_id and v.source = e.source
