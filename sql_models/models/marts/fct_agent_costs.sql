-- One row per (day, developer, agent) for every day from the first use of the pair to the last day of any use, quiet days
-- included: money of the day, cumulative, week and month to date, and averages over 7 and 30 calendar days. A day without
-- use costs 0; a day whose use has no price costs NULL and counts as nothing in the sums (see unpriced_tokens).
with daily as (
    select
        date, developer_id, agent_type,
        sum(cost_usd) as cost_usd,
        sum(unpriced_tokens) as unpriced_tokens
    from {{ ref('fct_daily_usage') }}
    group by date, developer_id, agent_type
),

bounds as (
    select developer_id, agent_type, min(date) as first_date from daily group by developer_id, agent_type
),

spine as (
    select
        b.developer_id,
        b.agent_type,
        cast(unnest(generate_series(b.first_date, (select max(date) from daily), interval 1 day)) as date) as date
    from bounds as b
),

days as (
    select
        s.date, s.developer_id, s.agent_type,
        case when d.date is null then 0::decimal(38, 12) else d.cost_usd end as cost_usd,
        coalesce(d.unpriced_tokens, 0) as unpriced_tokens
    from spine as s
    left join daily as d
        on d.date = s.date and d.developer_id = s.developer_id and d.agent_type = s.agent_type
)

select
    date,
    developer_id,
    agent_type,
    cast(cost_usd as decimal(38, 12)) as daily_cost_usd,
    cast(sum(cost_usd) over (all_days) as decimal(38, 12)) as cumulative_cost_usd,
    cast(sum(cost_usd) over (
        partition by developer_id, agent_type, date_trunc('week', date) order by date
    ) as decimal(38, 12)) as wtd_cost_usd,
    cast(sum(cost_usd) over (
        partition by developer_id, agent_type, date_trunc('month', date) order by date
    ) as decimal(38, 12)) as mtd_cost_usd,
    cast(coalesce(sum(cost_usd) over (
        partition by developer_id, agent_type order by date range between interval 6 days preceding and current row
    ), 0) as double) / 7 as avg_7day_cost_usd,
    cast(coalesce(sum(cost_usd) over (
        partition by developer_id, agent_type order by date range between interval 29 days preceding and current row
    ), 0) as double) / 30 as avg_30day_cost_usd,
    cast(unpriced_tokens as bigint) as unpriced_tokens
from days
window all_days as (partition by developer_id, agent_type order by date)
