-- The sessions behind each commit of one page, surest first.
with
links as (
    select
        l.project_id,
        l.commit_hash,
        list(
            {
                'agent_type': l.agent_type,
                'session_id': l.session_id,
                'confidence': cast(l.confidence as double),
                'method': l.method
            }
            order by l.confidence desc, l.session_id
        ) as links
    from intermediate.int_commit_session_links as l
    where l.commit_hash in (select commit_hash from page)
    group by l.project_id, l.commit_hash
)

select
    page.*,
    coalesce(links.links, []) as links
from page
left join links on links.commit_hash = page.commit_hash and links.project_id = page.project_id
