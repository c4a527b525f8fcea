-- One row per model call.
select
    r.request_key,
    r.session_id,
    r.agent_type,
    r.developer_id,
    r.project_id,
    r.branch,
    r.ts,
    r.model_name,
    r.model_id,
    r.query_source,
    r.input_tokens,
    r.cache_read_tokens,
    coalesce(r.cache_write_5m_tokens, 0)
    + coalesce(r.cache_write_1h_tokens, 0)
    + coalesce(r.cache_write_unknown_tokens, 0) as cache_write_tokens,
    r.output_tokens,
    r.reasoning_tokens,
    r.total_tokens,
    r.duration_ms,
    r.success,
    r.error_code,
    r.cost_usd,
    r.cost_basis,
    r.cost_reported_usd,
    r.cost_priced_usd,
    r.sources
from staging.stg_api_requests as r
where /*filter:rows*/ true
