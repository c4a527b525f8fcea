-- What is told once: the projects, who is who, Copilot's figures of the first day.

insert into raw.repositories by name
select
    getvariable('team_first_batch') as batch_id, getvariable('team_first_day') as received_at, key_of('repository', p, 0, 0) as dedup_key,
    'github.com/team/service-' || p as project_id, 'service-' || p as project_name, 'https://github.com/team/service-' || p || '.git' as remote_url,
    'main' as default_branch, p % 2 = 0 as watched
from range(4 + getvariable('team_developers') // 3) as projects(p);

insert into raw.developer_identities by name
select
    getvariable('team_first_batch') as batch_id, getvariable('team_first_day') as received_at, key_of('identity', d, kind, 0) as dedup_key,
    'developer' || d || '@team.example' as developer_id, kind,
    case kind when 'email' then if(d % 13 = 5, 'dev' || d || '@mail.example', 'developer' || d || '@team.example')
        else 'user-' || hex_of('user', d, 0, 0) end as value,
    if(d % 13 = 5, 'alias', 'automatic') as source, false as removed
from range(getvariable('team_developers')) as people(d), (values ('email'), ('user_id')) as kinds(kind)
where d % 7 <> 2;

insert into raw.copilot_metrics by name
select
    getvariable('team_first_batch') as batch_id, getvariable('team_first_day') as received_at, key_of('copilot', 0, 0, 0) as dedup_key,
    cast(getvariable('team_first_day') as date) as date, 'org' as scope, 900 as total_suggestions, 310 as total_acceptances,
    2100 as total_lines_suggested, 640 as total_lines_accepted, getvariable('team_developers') as total_active_users;
