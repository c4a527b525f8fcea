-- One row per (scope, date): Copilot's daily figures; the last report of a day counts.
select
    scope,
    date,
    case when scope = 'org' then 'org' else coalesce(n.developer_id, m.developer_id, replace(m.scope, 'user:', '')) end
        as developer_id,
    total_suggestions,
    total_acceptances,
    total_lines_suggested,
    total_lines_accepted,
    total_active_users,
    -- Nothing suggested is no rate, not a rate of nothing.
    case when total_suggestions > 0
        then cast(total_acceptances as decimal(38, 4)) * 100 / total_suggestions end as acceptance_rate_pct,
    language_breakdown,
    received_at as created_at
from {{ source('raw', 'copilot_metrics') }} as m
left join {{ ref('stg_developer_names') }} as n
    on n.value = lower(coalesce(m.developer_id, replace(m.scope, 'user:', '')))
qualify row_number() over (partition by scope, date order by batch_id desc, received_at desc, dedup_key desc) = 1
