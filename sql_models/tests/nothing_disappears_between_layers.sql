-- Invariant 4: every session, commit, tool call and day of one layer is in the next, and none comes twice.
select 'session of requests' as what, r.agent_type || ' ' || r.session_id as which
from (select distinct agent_type, session_id from {{ ref('stg_api_requests') }} where session_id is not null) as r
anti join {{ ref('fct_sessions') }} as s on s.agent_type = r.agent_type and s.session_id = r.session_id
union all
select 'session of staging', r.agent_type || ' ' || r.session_id
from {{ ref('stg_agent_sessions') }} as r
anti join {{ ref('fct_sessions') }} as s on s.agent_type = r.agent_type and s.session_id = r.session_id
union all
select 'commit of raw', r.commit_hash
from (select distinct project_id, commit_hash from {{ source('raw', 'git_commits') }}) as r
anti join {{ ref('fct_git_commits') }} as c on c.project_id = r.project_id and c.commit_hash = r.commit_hash
union all
select 'day of requests', cast(r.date as varchar)
from (select distinct usage_date as date from {{ ref('stg_api_requests') }}) as r
anti join {{ ref('fct_daily_usage') }} as d on d.date = r.date
union all
select 'day of commits', cast(r.commit_date as varchar)
from {{ ref('fct_git_commits') }} as r
anti join {{ ref('dim_dates') }} as d on d.date = r.commit_date
union all
select 'tool calls of a day', cast(coalesce(t.date, u.date) as varchar)
from (select usage_date as date, count(*) as calls from {{ ref('stg_agent_tool_calls') }} group by usage_date) as t
full outer join (select date, sum(call_count) as calls from {{ ref('fct_tool_usage') }} group by date) as u
    on u.date = t.date
where t.calls is distinct from u.calls
