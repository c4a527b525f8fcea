{# Whatever a name whose meaning changed stands for: names that mean it, directly or by way of others, mean somebody
   else now, too. #}
{% macro names_of_touched_developers() -%}
    select value
    from (
        select value, unnest(list_append(through, lower(developer_id))) as link
        from {{ ref('stg_developer_names') }}
    )
    where {{ touched('developer', 'link') }}
{%- endmacro %}

{# Sessions that bear such a name. #}
{% macro sessions_of_renamed_developers() %}
    select unnest(['session', 'request_session', 'tool_session']) as set_name, key
    from (
        select session_key as key
        from {{ ref('stg_request_observations') }}
        where lower(developer_said) in ({{ names_of_touched_developers() }})
        union
        select session_id
        from {{ ref('stg_session_segments') }}
        where lower(developer_said) in ({{ names_of_touched_developers() }})
            or lower(user_email) in ({{ names_of_touched_developers() }})
    )
{% endmacro %}

{% macro touched_more__stg_session_segments__by_name() %}
    {{ sessions_of_renamed_developers() }}
{% endmacro %}

{% macro touched_more__stg_request_observations__by_name() %}
    {{ sessions_of_renamed_developers() }}
{% endmacro %}

{% macro touched_more__stg_agent_tool_calls__by_name() %}
    {{ sessions_of_renamed_developers() }}
{% endmacro %}

{% macro touched_more__stg_git_commits__by_name() %}
    select distinct 'commit' as set_name, commit_hash as key
    from {{ source('raw', 'git_commits') }}
    where lower(author_email) in ({{ names_of_touched_developers() }})
        or lower(developer_id) in ({{ names_of_touched_developers() }})
{% endmacro %}
