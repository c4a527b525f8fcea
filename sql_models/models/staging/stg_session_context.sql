-- One row per (session, instant) at which a hook, a transcript or a client said where the session works.
{{ config(materialized='ephemeral') }}
select
    agent_type,
    session_id,
    timestamp as ts,
    max(project_id) as project_id,
    max(branch) as branch
from {{ source('raw', 'session_context') }}
where {{ touched('session', 'session_id', 'timestamp') }}
    and (project_id is not null or branch is not null)
group by agent_type, session_id, timestamp
