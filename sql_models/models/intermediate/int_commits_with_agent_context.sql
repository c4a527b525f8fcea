-- One row per (project, commit): who is thought to have written it, and the session behind it.
{{ config(
    materialized='incremental', unique_key='commit_hash', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'commit', 'key': 'commit_hash',
                 'touches': {'day': 'cast(commit_date as varchar)',
                             'developer_day': "cast(commit_date as varchar) || ' ' || developer_id"}}}
) }}

with commits as (
    select * from {{ ref('stg_git_commits') }} where {{ touched('commit', 'commit_hash') }}
),

-- The agent's part, whether or not its session is known.
by_agent as (
    select
        project_id, commit_hash, agent_type,
        {{ combined_confidence() }} as confidence,
        arg_max(kind, (confidence, kind)) as method
    from (
        -- A sign that was given to a session and stands for the agent alone counts once, as the stronger.
        select
            e.project_id, e.commit_hash, e.agent_type, e.kind, e.class,
            max(e.confidence) as confidence
        from {{ ref('int_commit_evidence') }} as e
        where e.session_id is null and {{ touched('commit', 'e.commit_hash') }}
        group by all
    )
    group by project_id, commit_hash, agent_type
),

best_agent as (
    select *
    from by_agent
    qualify row_number() over (
        partition by project_id, commit_hash order by confidence desc, agent_type
    ) = 1
),

best_link as (
    select l.*
    from {{ ref('int_commit_session_links') }} as l
    left join {{ ref('stg_agent_sessions') }} as s on s.agent_type = l.agent_type and s.session_id = l.session_id
    where {{ touched('commit', 'l.commit_hash') }}
    qualify row_number() over (
        partition by l.project_id, l.commit_hash
        order by l.confidence desc, s.session_start desc nulls last, l.agent_type, l.session_id
    ) = 1
),

watched_developers as (
    select distinct developer_id from {{ ref('stg_agent_sessions') }}
),

judged as (
    select
        c.*,
        b.session_id as link_session_id,
        b.agent_type as link_agent_type,
        a.agent_type as named_agent_type,
        greatest(coalesce(b.confidence, 0), case when a.confidence >= 0.3 then a.confidence else 0 end) as best_confidence,
        case when coalesce(b.confidence, 0) >= coalesce(a.confidence, 0) then b.method else a.method end as best_method,
        -- The session that stands for the commit is one of the agent that is named.
        case when a.confidence > coalesce(b.confidence, 0) and b.agent_type <> a.agent_type then null
            else b.session_id end as best_session_id,
        case when a.confidence > coalesce(b.confidence, 0) then a.agent_type else b.agent_type end as best_agent_type,
        w.developer_id is not null as has_telemetry
    from commits as c
    left join best_link as b on b.project_id = c.project_id and b.commit_hash = c.commit_hash
    left join best_agent as a on a.project_id = c.project_id and a.commit_hash = c.commit_hash
    left join watched_developers as w on w.developer_id = c.developer_id
)

select
    j.commit_hash,
    j.project_id,
    j.commit_message,
    j.commit_subject,
    j.author_name,
    j.author_email,
    j.commit_timestamp,
    j.commit_date,
    j.branch,
    j.is_merge,
    j.files_changed,
    j.lines_added,
    j.lines_deleted,
    j.lines_added_total,
    j.lines_deleted_total,
    j.developer_id,
    j.agent_assisted,
    case when j.best_confidence >= 0.8 then 'assisted'
        when j.best_confidence >= 0.3 then 'possible'
        when j.has_telemetry then 'none'
        else 'unknown' end as attribution,
    cast(case when j.best_confidence >= 0.3 then j.best_confidence end as decimal(5, 4)) as confidence,
    case when j.best_confidence >= 0.3 then j.best_method end as method,
    case when j.best_confidence >= 0.3 then j.best_agent_type end as agent_type,
    case when j.best_confidence >= 0.3 then j.best_session_id end as agent_session_id,
    s.model_name,
    s.duration_seconds as agent_session_duration,
    -- Negative: the commit was made while the session ran.
    case when s.session_end is not null
        then {{ seconds_between('s.session_end', 'j.commit_timestamp') }} end as seconds_after_session,
    case when j.best_confidence >= 0.8 then 1 else 0 end as is_agent_assisted,
    case
        when j.lines_added is null and j.lines_deleted is null then 'unknown'
        when coalesce(j.lines_added, 0) + coalesce(j.lines_deleted, 0) > 500 then 'large'
        when coalesce(j.lines_added, 0) + coalesce(j.lines_deleted, 0) > 100 then 'medium'
        else 'small' end as commit_size
from judged as j
left join {{ ref('stg_agent_sessions') }} as s
    on s.agent_type = j.best_agent_type and s.session_id = j.best_session_id
