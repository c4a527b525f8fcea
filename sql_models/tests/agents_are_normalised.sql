-- Aliases of agents (copilot, claude) end at the door: every agent is one of the seed's.
select agent_type, count(*) as request_count
from {{ ref('fct_daily_usage') }}
where agent_type not in (select agent_type from {{ ref('agents') }})
group by agent_type
