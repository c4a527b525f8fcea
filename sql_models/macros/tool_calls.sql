{# Sessions that share a tool call with a touched one: one of them repeats the other's history, and the call is counted
   with the first. #}
{% macro touched_more__stg_agent_tool_calls__copies() %}
    select unnest(['session', 'tool_session']) as set_name, key
    from (
        select distinct c.session_id as key
        from (
            select tool_use_id, session_id
            from {{ source('raw', 'transcript_tool_calls') }}
            where agent_type = 'claude_code' and {{ touched_nearby('session', 'timestamp', 'timestamp', 60) }}
            union all
            select tool_use_id, session_id
            from {{ source('raw', 'otel_logs') }}
            where agent_type = 'claude_code' and event_name = 'tool_result'
                and {{ touched_nearby('session', 'timestamp', 'timestamp', 60) }}
        ) as c
        semi join (
            select tool_use_id from {{ source('raw', 'transcript_tool_calls') }}
            where {{ touched('tool_session', "coalesce(session_id, '')", 'timestamp') }}
            union all
            select tool_use_id from {{ source('raw', 'otel_logs') }}
            where event_name = 'tool_result' and {{ touched('tool_session', "coalesce(session_id, '')", 'timestamp') }}
        ) as t on t.tool_use_id = c.tool_use_id
        where c.session_id is not null
    )
{% endmacro %}
