-- The (agent, model name) pairs of the stored requests.
select distinct agent_type, model_name
from staging.stg_api_requests
where model_name is not null
order by agent_type, model_name
