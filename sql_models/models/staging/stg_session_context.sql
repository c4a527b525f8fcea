-- One row per (session, instant) at which a hook, a transcript or a client said where the session works.
{{ config(materialized='ephemeral') }}
with parents as (
    {{ session_parents() }}
)

select
    agent_type,
    coalesce(root_id, session_id) as session_id,
    timestamp as ts,
    max(project_id) as project_id,
    max(branch) as branch
from {{ source('raw', 'session_context') }}
left join parents on parents_agent = agent_type and child_id = session_id
where {{ touched('session', 'session_id', 'timestamp') }}
    and (project_id is not null or branch is not null)
group by agent_type, coalesce(root_id, session_id), timestamp
