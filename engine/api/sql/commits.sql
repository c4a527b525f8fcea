-- One row per commit of a project.
select
    c.commit_hash,
    c.project_id,
    p.project_name,
    p.remote_url,
    c.developer_id,
    d.developer_name,
    c.author_name,
    c.author_email,
    c.commit_timestamp,
    c.commit_subject,
    c.branch,
    c.is_merge,
    c.files_changed,
    c.lines_added,
    c.lines_deleted,
    c.attribution,
    cast(c.confidence as double) as confidence,
    c.method,
    c.agent_type,
    c.agent_session_id,
    c.model_name,
    c.tokens_used,
    c.cost_usd,
    cast(c.seconds_after_session as double) as seconds_after_session
from mart.fct_git_commits as c
left join mart.dim_developers as d on d.developer_id = c.developer_id
left join mart.dim_projects as p on p.project_id = c.project_id
where /*filter:rows*/ true
