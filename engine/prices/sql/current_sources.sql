-- The source of prices in force, per priority: the one published last.
select priority, arg_max(price_source, (batch_id, received_at)) as price_source
from raw.model_prices
group by priority
