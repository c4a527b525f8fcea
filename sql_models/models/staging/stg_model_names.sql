-- One row per (name as an agent says it, agent); agent '' holds for every agent. The last word counts.
{{ config(materialized='table') }}

select
    model_name,
    coalesce(agent_type, '') as agent_type,
    provider,
    model_id
from {{ source('raw', 'model_names') }}
qualify row_number() over (
    partition by model_name, coalesce(agent_type, '') order by batch_id desc, received_at desc, dedup_key desc
) = 1
