-- The newest batch that the models cover, and when they were brought there: part of every cache key.
select batch_id, built_at
from ops.model_watermark
order by built_at desc
limit 1
