-- Every value by itself. What is unknown is no point.
select
    time,
    metric,
    value,
    1 as count,
    value as min,
    value as max,
    value as p50,
    value as p95,
    {'developer': developer, 'project': project, 'agent': agent, 'model': model, 'branch': branch, 'session': session}
        as tags
from points
order by time, metric, tags
