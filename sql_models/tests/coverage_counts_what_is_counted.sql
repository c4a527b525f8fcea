-- What coverage says was counted is what was counted, and rests on single sources as far as these say so themselves.
with days as (
    select
        date, developer_id, agent_type,
        sum(total_tokens) filter (where source = 'counted') as counted_tokens,
        sum(cost_usd) filter (where source = 'counted') as counted_cost_usd,
        sum(only_tokens) filter (where source = 'counted') as single_tokens,
        sum(only_tokens) filter (where source <> 'counted') as said_single_tokens
    from {{ ref('fct_source_coverage') }}
    group by date, developer_id, agent_type
),

usage as (
    select date, developer_id, agent_type, sum(total_tokens) as total_tokens, sum(cost_usd) as cost_usd
    from {{ ref('fct_daily_usage') }}
    group by date, developer_id, agent_type
)

select *
from days
full join usage using (date, developer_id, agent_type)
where counted_tokens is distinct from total_tokens
    or counted_cost_usd is distinct from cost_usd
    or coalesce(single_tokens, 0) <> coalesce(said_single_tokens, 0)
