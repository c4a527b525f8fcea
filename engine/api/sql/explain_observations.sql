-- Signs of model calls behind a figure: what single sources say.
select
    u.observation_key,
    u.source,
    u.session_id,
    u.agent_type,
    u.developer_id,
    d.developer_name,
    u.ts,
    u.usage_date,
    u.model_name,
    u.grain,
    u.input_tokens,
    u.cache_read_tokens,
    u.cache_write_tokens,
    u.output_tokens,
    u.input_tokens + u.cache_read_tokens + u.cache_write_tokens + u.output_tokens as total_tokens,
    u.success,
    u.cost_reported_usd
from staging.stg_request_observations as u
left join mart.dim_developers as d on d.developer_id = u.developer_id
where
    /*filter:rows*/ true
    -- Single signs know no project: who may see only some must not learn of others here.
    and $own_projects::varchar[] is null
