{# Sub-agents that write a history under a session id of their own, and the session at the root of them: that one is
   theirs. Sub-agents start others; what is four deep counts to the fourth from below. Columns parents_agent, child_id,
   root_id. #}
{% macro session_parents() -%}
    select c.agent_type as parents_agent, c.child_id, coalesce(d.parent_id, b.parent_id, a.parent_id, c.parent_id) as root_id
    from (
        select agent_type, session_id as child_id, min(parent_session_id) as parent_id
        from {{ source('raw', 'session_context') }}
        where parent_session_id is not null and parent_session_id <> session_id
        group by agent_type, session_id
    ) as c
    {%- for this, before in [('a', 'c'), ('b', 'a'), ('d', 'b')] %}
    left join (
        select agent_type, session_id as child_id, min(parent_session_id) as parent_id
        from {{ source('raw', 'session_context') }}
        where parent_session_id is not null and parent_session_id <> session_id
        group by agent_type, session_id
    ) as {{ this }} on {{ this }}.agent_type = c.agent_type and {{ this }}.child_id = {{ before }}.parent_id
    {%- endfor %}
    where c.child_id <> coalesce(d.parent_id, b.parent_id, a.parent_id, c.parent_id)
{%- endmacro %}
