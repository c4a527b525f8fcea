-- One row per declared seat in force: what is paid per month for whom, and whose calls by this developer it covers.
-- Only the source that was published last counts; a row without vendor says that nothing is declared any more.
{{ config(materialized='table') }}

with published as (
    select
        *,
        last_value(plan_source) over (
            order by batch_id, received_at, plan_source rows between unbounded preceding and unbounded following
        ) as current_source,
        max(received_at) over (partition by plan_source) as last_told_at
    from {{ source('raw', 'plans') }}
)

select
    p.vendor,
    p.plan,
    string_split(p.agent_types, ',') as agent_types,
    p.developer as developer_said,
    coalesce(n.developer_id, p.developer) as developer_id,
    p.monthly_usd,
    p.valid_from,
    p.valid_to,
    p.plan_source
from published as p
left join {{ ref('stg_developer_names') }} as n on n.value = lower(p.developer)
where p.plan_source = p.current_source and p.received_at = p.last_told_at and p.vendor <> ''
