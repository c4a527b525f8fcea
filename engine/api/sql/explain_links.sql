-- Commits that sessions had part in, once per session.
select
    l.commit_hash,
    l.project_id,
    p.project_name,
    c.developer_id,
    l.agent_type,
    l.session_id,
    l.confidence,
    l.method,
    c.commit_timestamp,
    c.commit_subject,
    coalesce(c.lines_added, 0) as lines_added,
    coalesce(c.lines_deleted, 0) as lines_deleted
from intermediate.int_commit_session_links as l
join staging.stg_git_commits as c on c.project_id = l.project_id and c.commit_hash = l.commit_hash
left join mart.dim_projects as p on p.project_id = l.project_id
where /*filter:rows*/ true
