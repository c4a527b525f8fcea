-- One row per model call, one column per metric of it.
select
    r.ts as time,
    r.developer_id as developer,
    r.project_id as project,
    r.agent_type as agent,
    coalesce(r.model_id, r.model_name) as model,
    r.branch,
    r.session_id as session,
    1::decimal(38, 12) as requests,
    case when not r.success then 1 else 0 end::decimal(38, 12) as errors,
    r.input_tokens::decimal(38, 12) as input_tokens,
    r.cache_read_tokens::decimal(38, 12) as cache_read_tokens,
    (
        coalesce(r.cache_write_5m_tokens, 0)
        + coalesce(r.cache_write_1h_tokens, 0)
        + coalesce(r.cache_write_unknown_tokens, 0)
    )::decimal(38, 12) as cache_write_tokens,
    r.output_tokens::decimal(38, 12) as output_tokens,
    r.total_tokens::decimal(38, 12) as total_tokens,
    r.cost_usd::decimal(38, 12) as cost_usd,
    r.duration_ms::decimal(38, 12) as request_duration_ms
from staging.stg_api_requests as r
