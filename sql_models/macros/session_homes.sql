{# Where sessions are: CTEs session_lines (every line that says it), session_homes (the one project and branch of a session
   that never moved) and session_moves (the others, of which it must be looked up by time). #}
{% macro session_homes() -%}
session_lines as (
    select
        agent_type, coalesce(root_id, session_id) as session_id, timestamp as ts, project_id, branch
    from {{ source('raw', 'session_context') }}
    left join parents on parents_agent = agent_type and child_id = session_id
    where {{ touched('session', 'session_id', 'timestamp') }}
        and (project_id is not null or branch is not null)
),

session_homes as (
    select
        agent_type, session_id, min(project_id) as project_id, min(branch) as branch,
        coalesce(min(project_id) <> max(project_id), false) or coalesce(min(branch) <> max(branch), false) as moved
    from session_lines
    group by agent_type, session_id
),

session_moves as (
    select agent_type, session_id from session_homes where moved
)
{%- endmacro %}
