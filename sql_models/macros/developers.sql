{# An address without what does not change whose it is: what stands behind a plus (alice+work@…), and the number of a
   GitHub account (123+alice@users.noreply.github.com). Every other name stays as it is. #}
{% macro plain_address(name) -%}
    case when contains({{ name }}, '+') and contains({{ name }}, '@')
        then case when ends_with(lower({{ name }}), '@users.noreply.github.com')
                then regexp_replace(lower({{ name }}), '^[0-9]+\+', '')
                else regexp_replace(lower({{ name }}), '^([^+@]+)\+[^@]*@', '\1@') end
        else {{ name }} end
{%- endmacro %}

{# The login in an address that GitHub gives to who hides the own one; NULL for every other address. #}
{% macro github_login(address) -%}
    case when ends_with({{ address }}, '@users.noreply.github.com')
        then regexp_replace(split_part({{ address }}, '@', 1), '^[0-9]+\+', '') end
{%- endmacro %}

{# What a name is looked up by in stg_developer_names. #}
{% macro name_key(name) -%}
    lower({{ plain_address(name) }})
{%- endmacro %}

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

{# The name that an address stands for is touched with it: asked first. #}
{% macro addresses_of_touched_developers() %}
    select distinct 'developer' as set_name, {{ name_key('value') }} as key
    from {{ source('raw', 'developer_identities') }}
    where {{ touched('developer', 'lower(value)') }}
{% endmacro %}

{% macro touched_more__stg_session_segments__addresses() %}
    {{ addresses_of_touched_developers() }}
{% endmacro %}

{% macro touched_more__stg_request_observations__addresses() %}
    {{ addresses_of_touched_developers() }}
{% endmacro %}

{% macro touched_more__stg_agent_tool_calls__addresses() %}
    {{ addresses_of_touched_developers() }}
{% endmacro %}

{% macro touched_more__stg_git_commits__addresses() %}
    {{ addresses_of_touched_developers() }}
{% endmacro %}

{# Sessions that bear such a name. #}
{% macro sessions_of_renamed_developers() %}
    select unnest(['session', 'request_session', 'tool_session']) as set_name, key
    from (
        select session_key as key
        from {{ ref('stg_request_observations') }}
        where {{ touched('developer', name_key('developer_said')) }}
            or {{ name_key('developer_said') }} in ({{ names_of_touched_developers() }})
        union
        select session_id
        from {{ ref('stg_session_segments') }}
        where {{ touched('developer', name_key('developer_said')) }}
            or {{ touched('developer', name_key('user_email')) }}
            or {{ name_key('developer_said') }} in ({{ names_of_touched_developers() }})
            or {{ name_key('user_email') }} in ({{ names_of_touched_developers() }})
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
    where {{ touched('developer', name_key('author_email')) }}
        or {{ touched('developer', name_key('developer_id')) }}
        or {{ touched('developer', github_login('lower(author_email)')) }}
        or {{ name_key('author_email') }} in ({{ names_of_touched_developers() }})
        or {{ name_key('developer_id') }} in ({{ names_of_touched_developers() }})
        or {{ github_login('lower(author_email)') }} in ({{ names_of_touched_developers() }})
{% endmacro %}
