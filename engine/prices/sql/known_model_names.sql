-- Every name of a model that was ever resolved: asked again when the price book or the workspace's own prices changed.
select distinct agent_type, model_name
from raw.model_names
order by agent_type, model_name
