-- Tokens per five minutes of the last hour, oldest first, for the sessions of one page.
with
recent as (
    select
        r.agent_type,
        r.session_id,
        epoch($now::timestamptz)::bigint // 300 - epoch(r.ts)::bigint // 300 as steps_ago,
        sum(r.total_tokens)::bigint as tokens
    from staging.stg_api_requests as r
    where
        r.ts >= $now::timestamptz - interval 1 hour
        and r.session_id in (select session_id from page)
    group by all
),

trend as (
    select
        agent_type,
        session_id,
        list_transform(
            range(12), lambda i: coalesce(map_from_entries(list((11 - steps_ago, tokens)))[i], 0)
        ) as tokens_trend
    from recent
    where steps_ago between 0 and 11
    group by agent_type, session_id
)

select
    page.*,
    coalesce(trend.tokens_trend, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) as tokens_trend
from page
left join trend on trend.agent_type = page.agent_type and trend.session_id = page.session_id
