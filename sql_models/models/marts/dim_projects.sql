-- One row per project that was reported or is named by a session, a request or a commit.
with reported as (
    select
        project_id,
        arg_max(project_name, (batch_id, dedup_key)) as project_name,
        arg_max(remote_url, (batch_id, dedup_key)) as remote_url,
        arg_max(root_path, (batch_id, dedup_key)) as root_path,
        arg_max(default_branch, (batch_id, dedup_key)) as default_branch,
        arg_max(watched, (batch_id, dedup_key)) as watched
    from {{ source('raw', 'repositories') }}
    group by project_id
),

named as (
    select project_id from {{ ref('fct_daily_usage') }}
    union
    select project_id from {{ ref('stg_agent_sessions') }}
    union
    select unnest(project_ids) from {{ ref('stg_agent_sessions') }}
    union
    select project_id from {{ ref('stg_agent_tool_calls') }}
    union
    select project_id from {{ ref('stg_git_commits') }}
    union
    select project_id from reported
)

select
    n.project_id,
    coalesce(r.project_name, regexp_extract(n.project_id, '([^/]+)$', 1)) as project_name,
    r.remote_url,
    r.root_path,
    r.default_branch,
    coalesce(r.watched, false) as watched
from named as n
left join reported as r on r.project_id = n.project_id
where n.project_id is not null
