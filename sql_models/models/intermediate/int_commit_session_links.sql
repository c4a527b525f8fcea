-- One row per (commit, session) with evidence enough to call it possible. Independent classes of signs add up as
-- 1 - product(1 - confidence), at most 0.99; within a class the strongest counts.
{{ config(
    materialized='incremental', unique_key='commit_hash', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'commit', 'key': 'commit_hash', 'touches': {'session': 'session_id'}}}
) }}

with by_session as (
    select
        project_id,
        commit_hash,
        agent_type,
        session_id,
        {{ combined_confidence() }} as confidence,
        arg_max(kind, (confidence, kind)) as method,
        list_sort(list_distinct(list(kind))) as evidence
    from {{ ref('int_commit_evidence') }}
    where session_id is not null and {{ touched('commit', 'commit_hash') }}
    group by project_id, commit_hash, agent_type, session_id
)

select
    b.project_id,
    b.commit_hash,
    b.agent_type,
    b.session_id,
    b.confidence,
    b.method,
    b.evidence,
    -- What the commit weighs among the session's commits: its changed lines, at least one.
    cast(greatest(coalesce(c.lines_added, 0) + coalesce(c.lines_deleted, 0), 1) as bigint) as weight
from by_session as b
join {{ ref('stg_git_commits') }} as c on c.project_id = b.project_id and c.commit_hash = b.commit_hash
-- A commit that was rewritten has handed its links on.
anti join (
    select r.project_id, r.old_hash
    from ({{ commit_rewrites() }}) as r
    join {{ ref('stg_git_commits') }} as n on n.project_id = r.project_id and n.commit_hash = r.new_hash
) as gone on gone.project_id = b.project_id and gone.old_hash = b.commit_hash
where b.confidence >= 0.3
