{# Sub-agents that write a history under a session id of their own, and the session that started each of them: that one
   is theirs. Columns parents_agent, child_id, root_id. #}
{% macro session_parents() -%}
    select agent_type as parents_agent, session_id as child_id, min(parent_session_id) as root_id
    from {{ source('raw', 'session_context') }}
    where parent_session_id is not null
    group by agent_type, session_id
{%- endmacro %}
