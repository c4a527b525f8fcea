-- Values of a span of time together: summed, or averaged where a sum means nothing.
select
    /*bucket*/ time as time,
    metric,
    case when list_contains(cast($averaged as varchar[]), any_value(metric)) then avg(value)::decimal(38, 12) else sum(value) end as value,
    count(*) as count,
    min(value) as min,
    max(value) as max,
    quantile_disc(value, 0.5) as p50,
    quantile_disc(value, 0.95) as p95,
    {/*tags*/} as tags
from points
group by all
order by time, metric, tags
