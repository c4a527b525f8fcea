-- Model calls behind a figure, with their days.
select
    u.request_key,
    u.session_id,
    u.agent_type,
    u.developer_id,
    d.developer_name,
    u.project_id,
    p.project_name,
    u.branch,
    u.ts,
    u.date as usage_date,
    u.model_name,
    u.model_id,
    u.query_source,
    u.grain,
    u.input_tokens,
    u.cache_read_tokens,
    u.cache_write_tokens,
    u.output_tokens,
    u.reasoning_tokens,
    u.total_tokens,
    u.duration_ms,
    u.success,
    u.error_code,
    u.cost_usd,
    u.cost_basis,
    u.cost_reported_usd,
    u.cost_priced_usd,
    u.sources
from (select *, usage_date as date from staging.stg_api_requests) as u
left join mart.dim_developers as d on d.developer_id = u.developer_id
left join mart.dim_projects as p on p.project_id = u.project_id
where /*filter:rows*/ true
