-- Invariant 1: the spend is the same by request, session, day, developer, agent, project and in the ledger, to the last
-- digit. Rows are the sums that differ from that of the requests.
with sums as (
    select 'requests' as told_by, coalesce(sum(cost_usd), 0) as cost_usd from {{ ref('stg_api_requests') }}
    union all
    select 'sessions', coalesce(sum(cost_usd), 0) + (
        select coalesce(sum(cost_usd), 0) from {{ ref('stg_api_requests') }} where session_id is null
    ) from {{ ref('fct_sessions') }}
    union all
    select 'sessions by model', coalesce(sum(session_cost_usd), 0) + (
        select coalesce(sum(cost_usd), 0) from {{ ref('stg_api_requests') }} where session_id is null
    ) from {{ ref('int_sessions_with_costs') }}
    union all
    select 'days', coalesce(sum(cost_usd), 0) from {{ ref('fct_daily_usage') }}
    union all
    select 'days by agent', coalesce(sum(total_cost_usd), 0) from {{ ref('fct_daily_agent_usage') }}
    union all
    select 'developers and agents', coalesce(sum(daily_cost_usd), 0) from {{ ref('fct_agent_costs') }}
    union all
    select 'ledger', coalesce(sum(cost_usd), 0) from {{ ref('fct_commit_costs') }}
)

select s.told_by, s.cost_usd, r.cost_usd as cost_of_requests_usd
from sums as s
cross join (select cost_usd from sums where told_by = 'requests') as r
where s.cost_usd <> r.cost_usd
