{# What else a live refresh must compute anew, asked just before each model: rows (set name, key). #}

{% macro touched_more__stg_request_observations__lines() %}
    -- Sessions that repeat lines of a touched one (forks, resumed histories): log records of either meet those lines.
    select unnest(['session', 'request_session']) as set_name, key
    from (
        select distinct coalesce(u.session_id, '') as key
        from {{ source('raw', 'transcript_usage') }} as u
        where u.message_id in (
            select message_id from {{ source('raw', 'transcript_usage') }}
            where message_id is not null and {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
        )
        union all
        -- A call's records meet by its id, whichever session each of them names: of a history that is gone, perhaps only
        -- the lines of a fork are left.
        select distinct session_key
        from {{ ref('stg_request_observations') }}
        where request_id in (
            select request_id from {{ source('raw', 'otel_logs') }}
            where request_id is not null and {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
            union all
            select request_id from {{ source('raw', 'transcript_usage') }}
            where request_id is not null and {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
        )
        union all
        -- Requests without a session meet those with one by their request id.
        select distinct ''
        from {{ source('raw', 'otel_logs') }}
        where session_id is null and request_id in (
            select request_id from {{ source('raw', 'transcript_usage') }}
            where request_id is not null and {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
        )
        union all
        select distinct u.session_id
        from {{ source('raw', 'transcript_usage') }} as u
        where {{ touched('request_session', "''") }}
            and u.session_id is not null
            and u.request_id in (
                select request_id from {{ source('raw', 'otel_logs') }}
                where session_id is null and request_id is not null
            )
    )
{% endmacro %}

{# Sessions of a developer whose identities changed: asked before each model that resolves names from raw rows, because
   whichever runs first must know. #}
{% macro sessions_of_touched_developers() %}
    select unnest(['session', 'request_session', 'tool_session']) as set_name, key
    from (
        select session_key as key
        from {{ ref('stg_request_observations') }}
        where {{ touched('developer', 'lower(developer_said)') }}
        union
        select session_id
        from {{ ref('stg_session_segments') }}
        where {{ touched('developer', 'lower(developer_said)') }} or {{ touched('developer', 'lower(user_email)') }}
    )
{% endmacro %}

{% macro touched_more__stg_session_segments() %}
    {{ sessions_of_touched_developers() }}
{% endmacro %}

{% macro touched_more__stg_request_observations__by_developer() %}
    {{ sessions_of_touched_developers() }}
{% endmacro %}

{% macro touched_more__stg_agent_tool_calls() %}
    {{ sessions_of_touched_developers() }}
{% endmacro %}

{# A session and all its sub-agents: where one is computed anew, all are, since their rows bear one key. Asked last:
   sessions that come by another way have sub-agents, too. #}
{% macro families_of_touched_sessions() %}
    with parents as (
        {{ session_parents() }}
    ),

    roots as (
        select root_id
        from parents
        where {{ touched('session', 'child_id') }} or {{ touched('session', 'root_id') }}
    )

    select unnest(['session', 'request_session', 'tool_session']) as set_name, key
    from (
        select root_id as key from roots
        union
        select child_id from parents where root_id in (select root_id from roots)
    )
{% endmacro %}

{# Asked before the lines, too: the session that a touched sub-agent belongs to may have forks. #}
{% macro touched_more__stg_request_observations__family() %}
    {{ families_of_touched_sessions() }}
{% endmacro %}

{% macro touched_more__stg_request_observations__sub_agents() %}
    {{ families_of_touched_sessions() }}
{% endmacro %}

{% macro touched_more__stg_session_segments__sub_agents() %}
    {{ families_of_touched_sessions() }}
{% endmacro %}

{% macro touched_more__stg_agent_tool_calls__sub_agents() %}
    {{ families_of_touched_sessions() }}
{% endmacro %}

{% macro touched_more__stg_request_observations__by_model() %}
    -- Requests whose model has a new name or a new price.
    select unnest(['session', 'request_session']) as set_name, key
    from (
        select distinct session_key as key
        from {{ ref('stg_api_requests') }}
        where {{ touched('model', 'model_name') }} or {{ touched('price', 'model_id') }}
    )
{% endmacro %}

{% macro touched_more__stg_request_observations__by_counters() %}
    -- Counters without a session speak only where nothing else of that agent does, up to a day later; and a day's first
    -- point grew since the last one of the day before.
    with heard as (
        select agent_type, timestamp from {{ source('raw', 'otel_logs') }}
        where {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
        union all
        select agent_type, coalesce(end_time, timestamp) from {{ source('raw', 'otel_spans') }}
        where {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
        union all
        select agent_type, timestamp from {{ source('raw', 'transcript_usage') }}
        where {{ touched('request_session', "coalesce(session_id, '')", 'timestamp') }}
    ),

    days as (
        select distinct {{ counter_day('agent_type', "timestamp + to_days(cast(d.later as integer))") }} as key
        from heard, (select unnest([-1, 0, 1]) as later) as d
        union
        select distinct {{ counter_day('agent_type', "timestamp + interval 1 day") }}
        from {{ source('raw', 'otel_metrics') }}
        where session_id is null and {{ touched('request_session', counter_day('agent_type', 'timestamp')) }}
    )

    select unnest(['session', 'request_session']) as set_name, key
    from (
        select distinct {{ counter_day('agent_type', 'timestamp') }} as key
        from {{ source('raw', 'otel_metrics') }}
        where session_id is null and {{ counts_tokens('metric_name') }}
    )
    where key in (select key from days)
{% endmacro %}

{% macro touched_more__int_commit_evidence() %}
    -- Commits made while a touched session was at work or shortly after, by its developer.
    select distinct 'commit' as set_name, c.commit_hash as key
    from {{ ref('stg_session_segments') }} as g
    join {{ ref('stg_agent_sessions') }} as s on s.agent_type = g.agent_type and s.session_id = g.session_id
    join {{ ref('stg_git_commits') }} as c on c.developer_id = s.developer_id
    where {{ touched('session', 'g.session_id', 'g.segment_start') }}
        and epoch_us(c.commit_timestamp) between epoch_us(g.segment_start) - 1000000
            and epoch_us(g.segment_end) + cast({{ var("correlation_window") }} as bigint) * 1000000
    union all
    -- Commits that a touched session is already tied to.
    select distinct 'commit', commit_hash
    from {{ ref('int_commit_evidence') }}
    where {{ touched('session', 'session_id') }}
    union all
    -- Commits that a touched session's tool calls made or name.
    select distinct 'commit', c.commit_hash
    from {{ ref('stg_agent_tool_calls') }} as t
    join {{ ref('stg_git_commits') }} as c
        on left(c.commit_hash, 7) = left(lower(t.commit_sha), 7)
    where t.commit_sha is not null and {{ touched('session', 't.session_key', 't.ts') }}
    union all
    select distinct 'commit', c.commit_hash
    from {{ ref('stg_agent_tool_calls') }} as t
    join {{ ref('stg_git_commits') }} as c
        on epoch_us(c.commit_timestamp)
            between epoch_us(t.ts) - coalesce(t.duration_ms, 0) * 1000 - 5000000 and epoch_us(t.ts) + 5000000
    where t.is_git_commit and {{ touched('session', 't.session_key', 't.ts') }}
    union all
    -- Evidence that names a commit by an abbreviated hash.
    select distinct 'commit', c.commit_hash
    from {{ source('raw', 'git_commit_evidence') }} as e
    join {{ ref('stg_git_commits') }} as c
        on left(c.commit_hash, 7) = left(lower(e.commit_hash), 7)
        and starts_with(c.commit_hash, lower(e.commit_hash))
    where length(e.commit_hash) between 7 and 39 and {{ touched('commit', 'e.commit_hash') }}
    union all
    -- Evidence that names a touched session.
    select distinct 'commit', e.commit_hash
    from {{ source('raw', 'git_commit_evidence') }} as e
    where {{ touched('session', 'e.session_id') }}
    union all
    -- Commits whose reporter names a touched session.
    select distinct 'commit', commit_hash
    from {{ source('raw', 'git_commits') }}
    where agent_session_id is not null and {{ touched('session', 'agent_session_id') }}
{% endmacro %}

{# Asked last: commits that come by another way have earlier forms, too. #}
{% macro touched_more__int_commit_evidence__rewritten() %}
    with rewrites as (
        {{ commit_rewrites() }}
    ),

    families as (
        select new_hash from rewrites where {{ touched('commit', 'new_hash') }} or {{ touched('commit', 'old_hash') }}
    )

    select 'commit' as set_name, new_hash as key from families
    union
    select 'commit', old_hash from rewrites where new_hash in (select new_hash from families)
{% endmacro %}

{% macro touched_more__int_commits_with_agent_context() %}
    -- The first session of a developer makes his commits known to be without an agent.
    select distinct 'commit' as set_name, c.commit_hash as key
    from {{ ref('int_commits_with_agent_context') }} as c
    join {{ ref('stg_agent_sessions') }} as s on s.developer_id = c.developer_id
    where c.attribution = 'unknown' and {{ touched('session', 's.session_id', 's.session_start') }}
    union all
    -- And when the only one turns out to be somebody else's, nobody knows any more.
    select distinct 'commit', commit_hash
    from {{ ref('int_commits_with_agent_context') }}
    where attribution = 'none'
        and developer_id not in (
            select developer_id from {{ ref('stg_agent_sessions') }} where developer_id is not null
        )
    union all
    -- The best session's length and model stand in the commit's row.
    select distinct 'commit', commit_hash
    from {{ ref('int_commit_session_links') }}
    where {{ touched('session', 'session_id') }}
{% endmacro %}

{% macro touched_more__stg_git_commits() %}
    -- Commits of a developer whose identities changed.
    select distinct 'commit' as set_name, commit_hash as key
    from {{ source('raw', 'git_commits') }}
    where {{ touched('developer', 'lower(author_email)') }} or {{ touched('developer', 'lower(developer_id)') }}
{% endmacro %}
