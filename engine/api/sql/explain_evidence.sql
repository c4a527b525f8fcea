-- Signs that an agent had part in a commit.
select
    e.commit_hash,
    e.project_id,
    c.developer_id,
    e.agent_type,
    e.session_id,
    e.kind,
    e.class,
    e.confidence
from intermediate.int_commit_evidence as e
join staging.stg_git_commits as c on c.project_id = e.project_id and c.commit_hash = e.commit_hash
where /*filter:rows*/ true
