-- One row per (commit, session or none, kind): every sign that a session had part in a commit, weighed by its kind.
-- Signs that name an agent but no session keep session NULL, and besides go to that agent's session at work.
{{ config(
    materialized='incremental', unique_key='commit_hash', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'commit', 'key': 'commit_hash'}}
) }}

with commits as (
    select
        project_id, commit_hash, developer_id, agent_session_id, agent_type, agent_assisted,
        epoch_us(commit_timestamp) as commit_us,
        epoch_us(commit_timestamp) // 86400000000 as day
    from {{ ref('stg_git_commits') }}
    where {{ touched('commit', 'commit_hash') }}
),

sessions as (
    select agent_type, session_id, developer_id, project_ids from {{ ref('stg_agent_sessions') }}
),

parents as (
    {{ session_parents() }}
),

-- What others observed, the hash made whole: agents and notes abbreviate it.
observed as (
    select
        c.project_id, c.commit_hash,
        e.kind, e.agent_type, nullif(coalesce(f.root_id, e.session_id), '') as session_id, e.value
    from {{ source('raw', 'git_commit_evidence') }} as e
    left join parents as f on f.parents_agent = e.agent_type and f.child_id = e.session_id
    join commits as c
        on c.commit_hash = e.commit_hash
        and (e.project_id is null or e.project_id = c.project_id)
    union all
    select
        c.project_id, c.commit_hash,
        e.kind, e.agent_type, nullif(coalesce(f.root_id, e.session_id), '') as session_id, e.value
    from {{ source('raw', 'git_commit_evidence') }} as e
    left join parents as f on f.parents_agent = e.agent_type and f.child_id = e.session_id
    join commits as c
        on left(c.commit_hash, 7) = left(lower(e.commit_hash), 7)
        and starts_with(c.commit_hash, lower(e.commit_hash))
        and c.commit_hash <> e.commit_hash
        and (e.project_id is null or e.project_id = c.project_id)
    where length(e.commit_hash) between 7 and 39
    union all
    -- What the reporting client itself said of the commit.
    select
        c.project_id, c.commit_hash,
        case when c.agent_session_id is not null then 'client_hint' else 'agent_flag' end as kind,
        c.agent_type, coalesce(f.root_id, c.agent_session_id) as session_id, cast(null as varchar) as value
    from commits as c
    left join parents as f on f.parents_agent = c.agent_type and f.child_id = c.agent_session_id
    where c.agent_session_id is not null or (c.agent_assisted and c.agent_type is not null)
),

-- A session id is unique enough to name its agent where the sign does not.
observed_with_agent as (
    select o.* replace (coalesce(o.agent_type, s.agent_type) as agent_type)
    from observed as o
    left join (
        select session_id, min(agent_type) as agent_type
        from sessions
        where session_id in (select session_id from observed where agent_type is null)
        group by session_id
        having count(*) = 1
    ) as s on s.session_id = o.session_id
),

tool_calls as (
    select agent_type, session_id, developer_id, project_id, ts, duration_ms, commit_sha
    from {{ ref('stg_agent_tool_calls') }}
    where session_id is not null and (is_git_commit or commit_sha is not null)
        and (success is null or success)
),

named_by_telemetry as (
    select
        c.project_id, c.commit_hash, t.agent_type, t.session_id,
        'telemetry_sha' as kind, t.commit_sha as value
    from tool_calls as t
    join commits as c
        on left(c.commit_hash, 7) = left(lower(t.commit_sha), 7)
        and starts_with(c.commit_hash, lower(t.commit_sha))
    left join sessions as s on s.agent_type = t.agent_type and s.session_id = t.session_id
    where length(t.commit_sha) >= 7
        and (len(coalesce(s.project_ids, [])) = 0 or list_contains(s.project_ids, c.project_id))
),

-- When a session may have made a commit: the span of a `git commit` call, 5 seconds more on either side. Spans are cut into
-- days, so that commits are looked for among those of the day only.
commit_calls as (
    select
        t.agent_type,
        t.session_id,
        coalesce(s.developer_id, t.developer_id) as developer_id,
        coalesce(s.project_ids, []) as project_ids,
        epoch_us(t.ts) - coalesce(t.duration_ms, 0) * 1000 - 5000000 as earliest_us,
        epoch_us(t.ts) + 5000000 as latest_us
    from tool_calls as t
    left join sessions as s on s.agent_type = t.agent_type and s.session_id = t.session_id
    where t.commit_sha is null
        and {{ touched_nearby('commit', none, 't.ts', 10) }}
),

commit_call_days as (
    select *, unnest(range(earliest_us // 86400000000, latest_us // 86400000000 + 1)) as day
    from commit_calls
),

committed_by_tool as (
    select
        c.project_id, c.commit_hash, t.agent_type, t.session_id,
        case when len(t.project_ids) > 0 then 'commit_tool_call' else 'commit_tool_call_developer' end as kind,
        cast(null as varchar) as value
    from commit_call_days as t
    join commits as c on c.day = t.day and c.commit_us between t.earliest_us and t.latest_us
    where list_contains(t.project_ids, c.project_id)
        or (len(t.project_ids) = 0 and c.developer_id <> 'unknown' and t.developer_id = c.developer_id)
),

-- git keeps whole seconds: a commit made within the session's first second must not precede it.
work_days as (
    select
        g.agent_type, g.session_id, g.segment_start, s.developer_id, s.project_ids,
        (epoch_us(g.segment_start) // 1000000) * 1000000 as earliest_us,
        epoch_us(g.segment_end) as end_us,
        epoch_us(g.segment_end) + cast({{ var("correlation_window") }} as bigint) * 1000000 as latest_us,
        unnest(range(
            epoch_us(g.segment_start) // 86400000000,
            (epoch_us(g.segment_end) + cast({{ var("correlation_window") }} as bigint) * 1000000) // 86400000000 + 1
        )) as day
    from {{ ref('stg_session_segments') }} as g
    join sessions as s on s.agent_type = g.agent_type and s.session_id = g.session_id
    where s.developer_id <> 'unknown'
        and {{ touched_nearby('commit', 'g.segment_start', 'g.segment_end', var('correlation_window') + 10) }}
),

at_work as (
    select
        c.project_id, c.commit_hash, w.agent_type, w.session_id,
        bool_or(c.commit_us <= w.end_us) as live,
        list_contains(w.project_ids, c.project_id) as same_project,
        max(w.segment_start) as since
    from commits as c
    join work_days as w
        on w.developer_id = c.developer_id
        and w.day = c.day
        and c.commit_us between w.earliest_us and w.latest_us
    group by c.project_id, c.commit_hash, w.agent_type, w.session_id, w.project_ids
),

nearby as (
    select
        project_id, commit_hash, agent_type, session_id,
        case when not coalesce(same_project, false) then 'developer_only'
            when live then 'window_live' else 'window_after' end as kind,
        cast(null as varchar) as value
    from at_work
),

-- An agent named without a session: the session of that agent that was at work in this project, the latest begun.
sessions_of_named_agents as (
    select
        o.project_id, o.commit_hash, o.agent_type, w.session_id, o.kind, o.value
    from observed_with_agent as o
    join at_work as w
        on w.project_id = o.project_id and w.commit_hash = o.commit_hash and w.agent_type = o.agent_type
    where o.session_id is null and coalesce(w.same_project, false)
    qualify row_number() over (
        partition by o.project_id, o.commit_hash, o.agent_type, o.kind, o.value
        order by w.live desc, w.since desc, w.session_id
    ) = 1
),

found as (
    select project_id, commit_hash, agent_type, session_id, kind, value from observed_with_agent
    union all
    select project_id, commit_hash, agent_type, session_id, kind, value from named_by_telemetry
    union all
    select project_id, commit_hash, agent_type, session_id, kind, value from committed_by_tool
    union all
    select project_id, commit_hash, agent_type, session_id, kind, value from nearby
    union all
    select project_id, commit_hash, agent_type, session_id, kind, value from sessions_of_named_agents
),

rewrites as (
    {{ commit_rewrites() }}
),

-- What was seen of a commit holds for the one that an amend or a rebase made of it.
evidence as (
    select * from found
    union all
    select f.project_id, r.new_hash, f.agent_type, f.session_id, f.kind, f.value
    from found as f
    join rewrites as r on r.project_id = f.project_id and r.old_hash = f.commit_hash
    join commits as c on c.project_id = f.project_id and c.commit_hash = r.new_hash
)

select
    e.project_id,
    e.commit_hash,
    coalesce(e.agent_type, 'other') as agent_type,
    e.session_id,
    e.kind,
    k.class,
    max(
        case
            when e.kind = 'edited_files' then cast(
                k.confidence + 0.35 * least(greatest(coalesce(try_cast(e.value as decimal(5, 4)), 0), 0), 1)
                as decimal(5, 4))
            when e.session_id is null then k.agent_confidence
            else k.confidence end
    ) as confidence,
    max(e.value) as value
from evidence as e
join {{ ref('evidence_kinds') }} as k on k.kind = e.kind
group by e.project_id, e.commit_hash, coalesce(e.agent_type, 'other'), e.session_id, e.kind, k.class
