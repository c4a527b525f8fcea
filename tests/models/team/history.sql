-- The stretches of sessions $begin to $until: $a_day begin each day; one in twenty goes on later, one in thirty works
-- over midnight.
create or replace temporary table team_stretches as
with sessions as (
    select
        s as session,
        $first_day::timestamptz + to_days(cast(s // $a_day as integer)) as day,
        (hash('begin', getvariable('team_seed'), s) % 1000000) * 0.000001 as begin_draw,
        (hash('resumed', getvariable('team_seed'), s) % 1000000) * 0.000001 as resume_draw
    from range($begin, $until) as numbers(s)
),

begun as (
    select
        session, resume_draw,
        day + to_microseconds(cast(1000000 * case when begin_draw < 0.033 then 85000 + 1300 * begin_draw / 0.033
            else 25200 + 43200 * begin_draw end as bigint)) as began
    from sessions
)

select session, 0 as stretch, began from begun
union all
select session, 1, began + to_microseconds(cast(3600000000.0 * (1 + resume_draw * 1400) as bigint)) from begun where resume_draw < 0.05
order by began;
