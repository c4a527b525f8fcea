-- One row per model that was asked. Without a canonical name it is unknown to the price book, and so is its cost.
select
    coalesce(u.model_id, u.model_name) as model,
    any_value(u.model_id) as model_id,
    list(distinct u.model_name order by u.model_name) as model_names,
    any_value(m.provider) as provider,
    list(distinct u.agent_type order by u.agent_type) as agents,
    count(distinct u.developer_id) as developer_count,
    sum(u.request_count)::bigint as request_count,
    sum(u.error_count)::bigint as error_count,
    sum(u.input_tokens)::bigint as input_tokens,
    sum(u.cache_read_tokens)::bigint as cache_read_tokens,
    sum(u.cache_write_tokens)::bigint as cache_write_tokens,
    sum(u.output_tokens)::bigint as output_tokens,
    sum(u.reasoning_tokens)::bigint as reasoning_tokens,
    sum(u.total_tokens)::bigint as total_tokens,
    sum(u.unpriced_tokens)::bigint as unpriced_tokens,
    sum(u.cost_usd) as cost_usd,
    min(u.date) as first_day,
    max(u.date) as last_day
from mart.fct_daily_usage as u
left join mart.dim_developers as d on d.developer_id = u.developer_id
left join mart.dim_projects as p on p.project_id = u.project_id
left join (
    select model_id, min(provider) as provider from mart.dim_models group by model_id
) as m on m.model_id = u.model_id
where /*filter:usage*/ true
group by coalesce(u.model_id, u.model_name)
