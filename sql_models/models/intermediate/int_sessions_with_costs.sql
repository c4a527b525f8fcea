-- One row per (session, model as seen): tokens and money of its requests, beside the session's times. The session's
-- duration stands in every row of it: never sum it over models.
with usage as (
    select
        session_id,
        agent_type,
        model_name,
        min(model_id) as model_id,
        {{ usage_measures() }}
    from {{ ref('stg_api_requests') }}
    where session_id is not null
    group by session_id, agent_type, model_name
)

select
    s.session_id,
    s.developer_id,
    s.agent_type,
    case when u.session_id is null then s.model_name else u.model_name end as model_name,
    u.model_id,
    s.session_start,
    s.session_end,
    s.duration_seconds,
    coalesce(u.request_count, 0) as request_count,
    coalesce(u.input_tokens, 0) as input_tokens,
    coalesce(u.output_tokens, 0) as output_tokens,
    coalesce(u.cache_write_tokens, 0) as cache_creation_tokens,
    coalesce(u.cache_read_tokens, 0) as cache_read_tokens,
    coalesce(u.total_tokens, 0) as total_tokens,
    coalesce(u.unpriced_tokens, 0) as unpriced_tokens,
    u.cost_usd as session_cost_usd,
    u.cost_basis,
    case when s.duration_seconds > 0
        then coalesce(u.total_tokens, 0) / s.duration_seconds end as tokens_per_second
from {{ ref('stg_agent_sessions') }} as s
left join usage as u on u.session_id = s.session_id and u.agent_type = s.agent_type
