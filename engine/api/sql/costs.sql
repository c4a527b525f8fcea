-- One row per group of spend. `previous` is the same length of time just before: by day, each day's own counterpart.
with
usage as (
    select
        case $by
            when 'day' then cast(u.date as varchar)
            when 'developer' then u.developer_id
            when 'agent' then u.agent_type
            when 'model' then coalesce(u.model_id, u.model_name)
            when 'project' then u.project_id
            when 'branch' then u.branch
        end as key,
        sum(u.request_count)::bigint as request_count,
        sum(u.error_count)::bigint as error_count,
        sum(u.input_tokens)::bigint as input_tokens,
        sum(u.cache_read_tokens)::bigint as cache_read_tokens,
        sum(u.cache_write_tokens)::bigint as cache_write_tokens,
        sum(u.output_tokens)::bigint as output_tokens,
        sum(u.reasoning_tokens)::bigint as reasoning_tokens,
        sum(u.total_tokens)::bigint as total_tokens,
        sum(u.unpriced_tokens)::bigint as unpriced_tokens,
        sum(u.cost_usd) as cost_usd,
        sum(u.cost_reported_usd) as cost_reported_usd,
        sum(u.cost_priced_usd) as cost_priced_usd,
        -- What a declared plan covers is not paid per token.
        sum(u.cost_usd) filter (where exists (
            select 1
            from staging.stg_plans as s
            where
                s.developer_id = u.developer_id
                and list_contains(s.agent_types, u.agent_type)
                and s.valid_from <= u.date
                and (s.valid_to is null or u.date < s.valid_to)
        )) as covered_usd,
        case
            when count(distinct u.cost_basis) filter (u.cost_basis <> 'unpriced') > 1 then 'mixed'
            else coalesce(max(u.cost_basis) filter (u.cost_basis <> 'unpriced'), max(u.cost_basis))
        end as cost_basis
    from mart.fct_daily_usage as u
    left join mart.dim_developers as d on d.developer_id = u.developer_id
    left join mart.dim_projects as p on p.project_id = u.project_id
    where /*filter:usage*/ true
    group by 1
),

-- Money paid for plans is known of days, developers and the agents that plans are sold with, not of what was asked.
plans as (
    select
        case $by
            when 'day' then cast(u.date as varchar)
            when 'developer' then u.developer_id
            when 'agent' then u.agent_types[1]
        end as key,
        sum(u.paid_usd) as paid_usd
    from mart.fct_plan_costs as u
    left join mart.dim_developers as d on d.developer_id = u.developer_id
    where
        /*filter:plans*/ true
        and $by in ('day', 'developer', 'agent')
        and not $narrowed::boolean
    group by 1
),

previous as (
    select
        case $by
            when 'day' then cast(u.date + $previous_days::integer as varchar)
            when 'developer' then u.developer_id
            when 'agent' then u.agent_type
            when 'model' then coalesce(u.model_id, u.model_name)
            when 'project' then u.project_id
            when 'branch' then u.branch
        end as key,
        sum(u.cost_usd) as cost_usd
    from mart.fct_daily_usage as u
    left join mart.dim_developers as d on d.developer_id = u.developer_id
    left join mart.dim_projects as p on p.project_id = u.project_id
    where
        u.date >= $previous_from::date
        and u.date < $previous_until::date
        and /*filter:previous*/ true
    group by 1
),

sessions as (
    select
        case $by
            when 'day' then cast(u.usage_date as varchar)
            when 'developer' then u.developer_id
            when 'agent' then u.agent_type
            when 'model' then coalesce(u.model_id, u.model_name)
            when 'project' then u.project_id
            when 'branch' then u.branch
        end as key,
        count(distinct hash(u.agent_type, u.session_id)) as session_count
    from staging.stg_api_requests as u
    left join mart.dim_developers as d on d.developer_id = u.developer_id
    left join mart.dim_projects as p on p.project_id = u.project_id
    where
        u.session_id is not null
        and /*filter:requests*/ true
    group by 1
)

select
    usage.key,
    case $by
        when 'developer' then dim_developers.developer_name
        when 'agent' then dim_agents.agent_display_name
        when 'project' then dim_projects.project_name
        else usage.key
    end as key_name,
    coalesce(sessions.session_count, 0) as session_count,
    usage.* exclude (key),
    plans.paid_usd,
    (select sum(paid_usd) from plans) as paid_total_usd,
    cast(usage.cost_usd / nullif(sum(usage.cost_usd) over (), 0) as double) as share,
    case
        when $previous_from::date is null then null
        when previous.key is null and usage.key is not null then 0
        else previous.cost_usd
    end as previous_cost_usd,
    case
        when $previous_from::date is not null then coalesce((select sum(cost_usd) from previous), 0)
    end as previous_total_usd
from usage
left join plans on plans.key is not distinct from usage.key
left join previous on previous.key is not distinct from usage.key
left join sessions on sessions.key is not distinct from usage.key
left join mart.dim_developers on $by = 'developer' and dim_developers.developer_id = usage.key
left join mart.dim_agents on $by = 'agent' and dim_agents.agent_type = usage.key
left join mart.dim_projects on $by = 'project' and dim_projects.project_id = usage.key
