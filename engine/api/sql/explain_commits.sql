-- Commits behind a figure.
select
    c.commit_hash,
    c.project_id,
    p.project_name,
    c.developer_id,
    d.developer_name,
    c.commit_timestamp,
    c.commit_subject,
    c.agent_type,
    c.files_changed,
    c.lines_added,
    c.lines_deleted,
    c.attribution,
    c.confidence
from mart.fct_git_commits as c
left join mart.dim_developers as d on d.developer_id = c.developer_id
left join mart.dim_projects as p on p.project_id = c.project_id
where /*filter:rows*/ true
