-- One row per agent that is known or was seen.
with seen as (
    select agent_type from {{ ref('stg_agent_sessions') }}
    union
    select agent_type from {{ ref('fct_daily_usage') }}
    union
    select agent_type from {{ ref('stg_git_commits') }} where agent_type is not null
)

select
    coalesce(a.agent_type, s.agent_type) as agent_type,
    coalesce(a.agent_display_name, s.agent_type) as agent_display_name,
    coalesce(a.vendor, 'Unknown') as vendor,
    coalesce(a.interface_type, 'Unknown') as interface_type
from {{ ref('agents') }} as a
full outer join seen as s on s.agent_type = a.agent_type
