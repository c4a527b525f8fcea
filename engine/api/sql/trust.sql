-- One row: how far a total may be believed. How much of it rests on one source, on counters alone or on no price, and how
-- many developers have a source that fell silent.
with
usage as (
    select
        count(*) filter (u.grain = 'request') as request_count,
        coalesce(sum(u.total_tokens), 0)::bigint as total_tokens,
        coalesce(sum(u.total_tokens) filter (len(u.sources) = 1), 0)::bigint as single_source_tokens,
        coalesce(sum(u.total_tokens) filter (u.grain = 'metric'), 0)::bigint as metric_tokens,
        coalesce(sum(u.total_tokens) filter (u.cost_usd is null), 0)::bigint as unpriced_tokens,
        sum(u.cost_usd) as cost_usd,
        sum(u.cost_usd) filter (len(u.sources) = 1) as single_source_cost_usd,
        sum(u.cost_usd) filter (u.grain = 'metric') as metric_cost_usd,
        sum(u.cost_usd) filter (u.cost_basis = 'priced') as priced_cost_usd
    from staging.stg_api_requests as u
    left join mart.dim_developers as d on d.developer_id = u.developer_id
    left join mart.dim_projects as p on p.project_id = u.project_id
    where /*filter:usage*/ true
),

latest as (
    select
        u.developer_id,
        u.agent_type,
        case when u.alarm_since <= $now::timestamptz - interval 15 minutes then u.alarm end as alarm,
        u.is_latest and u.date >= cast($now::timestamptz - interval 14 days as date) as is_now
    from mart.fct_source_coverage as u
    left join mart.dim_developers as d on d.developer_id = u.developer_id
    where
        /*filter:coverage*/ true
        and $own_projects::varchar[] is null
),

people as (
    select
        count(distinct developer_id) as developer_count,
        count(distinct developer_id) filter (is_now and alarm is not null) as alarm_developer_count,
        count(distinct developer_id) filter (is_now and alarm = 'telemetry stopped') as stopped_developer_count,
        count(distinct developer_id) filter (is_now and alarm = 'telemetry missing') as missing_developer_count,
        count(distinct developer_id) filter (is_now and alarm = 'history not read') as unread_developer_count
    from latest
)

select
    'all' as trust_key,
    people.*,
    usage.*
from people
cross join usage
where usage.request_count > 0 or people.developer_count > 0
