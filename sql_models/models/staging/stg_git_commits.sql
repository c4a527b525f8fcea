-- One row per (project, commit): what hooks, watchers, backfills and clients reported of it, made one.
{{ config(
    materialized='incremental', unique_key='commit_hash', incremental_strategy='delete+insert',
    meta={'aa': {'touched_by': 'commit', 'key': 'commit_hash',
                 'touches': {'day': 'cast(commit_date as varchar)'}}}
) }}

with reports as (
    select
        *,
        -- Readers of the repository know everything; a client's own words may be partial.
        case source when 'watch' then 1 when 'backfill' then 2 when 'hook' then 3 else 4 end as source_rank
    from {{ source('raw', 'git_commits') }}
    where {{ touched('commit', 'commit_hash') }}
    qualify row_number() over (partition by dedup_key order by batch_id) = 1
),

commits as (
    select
        project_id,
        commit_hash,
        arg_min(commit_message, (source_rank, batch_id, dedup_key)) as commit_message,
        arg_min(author_name, (source_rank, batch_id, dedup_key)) as author_name,
        arg_min(lower(author_email), (source_rank, batch_id, dedup_key)) as author_email,
        arg_min(author_timestamp, (source_rank, batch_id, dedup_key)) as author_timestamp,
        arg_min(lower(committer_email), (source_rank, batch_id, dedup_key)) as committer_email,
        arg_min(commit_timestamp, (source_rank, batch_id, dedup_key)) as commit_timestamp,
        arg_min(parents, (source_rank, batch_id, dedup_key)) as parents,
        -- The branch at the time of the commit is what the hook saw; a backfill guesses.
        arg_min(branch, (case source when 'hook' then 1 when 'watch' then 2 else 3 end, batch_id, dedup_key)) as branch,
        arg_min(files_changed, (source_rank, batch_id, dedup_key)) as files_changed,
        arg_min(lines_added, (source_rank, batch_id, dedup_key)) as lines_added,
        arg_min(lines_deleted, (source_rank, batch_id, dedup_key)) as lines_deleted,
        arg_min(lines_added_total, (source_rank, batch_id, dedup_key)) as lines_added_total,
        arg_min(lines_deleted_total, (source_rank, batch_id, dedup_key)) as lines_deleted_total,
        arg_min(patch_id, (source_rank, batch_id, dedup_key)) as patch_id,
        arg_max(developer_id, (source_rank, -batch_id, dedup_key)) filter (where source in ('hook', 'api'))
            as reporting_developer_id,
        arg_min(developer_id, (source_rank, batch_id, dedup_key)) as any_developer_id,
        bool_or(agent_assisted) as agent_assisted,
        arg_min(agent_session_id, (source_rank, batch_id, dedup_key)) as agent_session_id,
        arg_min(agent_type, (source_rank, batch_id, dedup_key)) as agent_type,
        list_sort(list_distinct(list(source))) as sources,
        min(received_at) as created_at
    from reports
    group by project_id, commit_hash
)

select
    c.project_id,
    c.commit_hash,
    c.commit_message,
    split_part(c.commit_message, chr(10), 1) as commit_subject,
    c.author_name,
    c.author_email,
    c.committer_email,
    c.author_timestamp,
    c.commit_timestamp,
    {{ report_day('c.commit_timestamp') }} as commit_date,
    c.parents,
    coalesce(len(string_split(nullif(trim(c.parents), ''), ' ')), 0) > 1 as is_merge,
    c.branch,
    c.files_changed,
    c.lines_added,
    c.lines_deleted,
    c.lines_added_total,
    c.lines_deleted_total,
    c.patch_id,
    -- The author's address tells whose commit it is; whoever reports one through a hook or the API made it.
    coalesce(
        by_email.developer_id, by_login.developer_id, by_name.developer_id,
        {{ plain_address('c.reporting_developer_id') }}, {{ plain_address('c.author_email') }}, any_name.developer_id,
        {{ plain_address('c.any_developer_id') }}, 'unknown'
    ) as developer_id,
    c.agent_assisted,
    c.agent_session_id,
    c.agent_type,
    c.sources,
    c.created_at
from commits as c
left join {{ ref('stg_developer_names') }} as by_email on by_email.value = {{ name_key('c.author_email') }}
left join {{ ref('stg_developer_names') }} as by_login
    on by_login.value = {{ github_login('c.author_email') }}
left join {{ ref('stg_developer_names') }} as by_name on by_name.value = {{ name_key('c.reporting_developer_id') }}
left join {{ ref('stg_developer_names') }} as any_name on any_name.value = {{ name_key('c.any_developer_id') }}
