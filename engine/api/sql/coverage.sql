-- One row per (day, developer, agent): what each source alone tells of, beside what was counted. Telemetry that spoke in
-- the week before and is silent while the agent's own history goes on has stopped.
with
told as (
    select
        u.date,
        u.developer_id,
        u.agent_type,
        coalesce(sum(u.request_count) filter (u.source = 'counted'), 0)::bigint as request_count,
        coalesce(sum(u.request_count) filter (u.source in ('log', 'span')), 0)::bigint as telemetry_request_count,
        coalesce(sum(u.request_count) filter (u.source = 'transcript'), 0)::bigint as transcript_request_count,
        coalesce(sum(u.total_tokens) filter (u.source = 'counted'), 0)::bigint as total_tokens,
        coalesce(sum(u.total_tokens) filter (u.source = 'log'), 0)::bigint as log_tokens,
        coalesce(sum(u.total_tokens) filter (u.source = 'span'), 0)::bigint as span_tokens,
        coalesce(sum(u.total_tokens) filter (u.source = 'metric'), 0)::bigint as metric_tokens,
        coalesce(sum(u.total_tokens) filter (u.source = 'transcript'), 0)::bigint as transcript_tokens,
        list_sort(list(distinct u.source) filter (u.source <> 'counted')) as sources
    from mart.fct_source_coverage as u
    left join mart.dim_developers as d on d.developer_id = u.developer_id
    where
        /*filter:usage*/ true
        -- Sources know no project: who may see only some must not learn of others here.
        and $own_projects::varchar[] is null
    group by all
),

spoken as (
    select
        u.developer_id,
        u.agent_type,
        u.date
    from mart.fct_source_coverage as u
    where u.source in ('log', 'span', 'metric') and u.total_tokens > 0
    group by all
)

select
    strftime(t.date, '%Y-%m-%d') || ' ' || t.developer_id || ' ' || t.agent_type as coverage_key,
    t.*,
    dim_developers.developer_name,
    case
        when
            t.transcript_tokens > 0
            and t.log_tokens + t.span_tokens + t.metric_tokens = 0
            and exists (
                select 1
                from spoken as s
                where
                    s.developer_id = t.developer_id
                    and s.agent_type = t.agent_type
                    and s.date < t.date
                    and s.date >= t.date - 7
            ) then 'telemetry stopped'
        when
            t.transcript_tokens > 0
            and t.log_tokens + t.span_tokens > 0
            and t.total_tokens > (t.log_tokens + t.span_tokens) * 1.01 then 'telemetry has gaps'
        when t.transcript_tokens > 0 and t.total_tokens > t.transcript_tokens * 1.01 then 'history has gaps'
        when t.request_count = 0 and t.metric_tokens > 0 then 'counters only'
        when len(t.sources) > 1 then 'sources agree'
        else 'one source'
    end as verdict
from told as t
left join mart.dim_developers on dim_developers.developer_id = t.developer_id
