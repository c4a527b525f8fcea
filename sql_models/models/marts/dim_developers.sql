-- One row per developer: everyone whom telemetry, commits or identities name. `unknown` stands for what names nobody.
with commit_people as (
    select
        developer_id,
        arg_max(author_name, (commit_timestamp, commit_hash)) as author_name,
        arg_max(author_email, (commit_timestamp, commit_hash)) as author_email,
        list_distinct(list(author_email)) as emails,
        min(commit_timestamp) as first_seen_at,
        max(commit_timestamp) as last_seen_at
    from {{ ref('stg_git_commits') }}
    group by developer_id
),

identified as (
    select n.developer_id, list_distinct(list(i.value) filter (where contains(i.value, '@'))) as emails
    from {{ ref('stg_developer_identities') }} as i
    join {{ ref('stg_developer_names') }} as n on n.value = i.value
    group by n.developer_id
),

session_people as (
    select developer_id, min(session_start) as first_seen_at, max(last_event_at) as last_seen_at
    from {{ ref('stg_agent_sessions') }}
    group by developer_id
),

request_people as (
    select
        developer_id,
        cast(null as timestamptz) as first_seen_at
    from {{ ref('fct_daily_usage') }}
    group by developer_id
),

everyone as (
    select developer_id from commit_people
    union select developer_id from identified
    union select developer_id from session_people
    union select developer_id from request_people
    union select developer_id from {{ ref('stg_agent_tool_calls') }}
    union select 'unknown'
),

gathered as (
    select
        e.developer_id,
        c.author_name,
        c.author_email,
        list_sort(list_distinct(list_filter(
            list_concat(
                coalesce(c.emails, []), coalesce(i.emails, []),
                case when contains(e.developer_id, '@') then [lower(e.developer_id)] else [] end
            ),
            email -> email is not null
        ))) as emails,
        least(c.first_seen_at, s.first_seen_at) as first_seen_at,
        greatest(c.last_seen_at, s.last_seen_at) as last_seen_at
    from everyone as e
    left join commit_people as c on c.developer_id = e.developer_id
    left join identified as i on i.developer_id = e.developer_id
    left join session_people as s on s.developer_id = e.developer_id
)

select
    developer_id,
    case when developer_id = 'unknown' then 'Unknown'
        else coalesce(author_name, split_part(developer_id, '@', 1)) end as developer_name,
    case when developer_id <> 'unknown' then coalesce(author_email, emails[1]) end as developer_email,
    emails,
    -- Internal with any address of an internal domain (the whole domain); nothing to go by: Unknown.
    case
        when developer_id = 'unknown' or len(emails) = 0 then 'Unknown'
        when len(list_filter(emails, email -> list_contains(
            {{ internal_domains() }}, split_part(email, '@', 2)
        ))) > 0 then 'Internal'
        else 'External' end as developer_type,
    first_seen_at,
    last_seen_at
from gathered
