-- One row per (session, model as seen): the tokens of its requests.
select
    session_id,
    developer_id,
    agent_type,
    model_name,
    cast(sum(input_tokens) as bigint) as total_input_tokens,
    cast(sum(output_tokens) as bigint) as total_output_tokens,
    cast(sum(cache_write_tokens) as bigint) as total_cache_creation_tokens,
    cast(sum(cache_read_tokens) as bigint) as total_cache_read_tokens,
    cast(sum(total_tokens) as bigint) as total_tokens
from {{ ref('stg_api_requests') }}
group by session_id, developer_id, agent_type, model_name
