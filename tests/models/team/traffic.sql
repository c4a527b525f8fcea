-- The stretches of one part of a day after the history: the numbers of new sessions go on from those of the history.
create or replace temporary table team_stretches as
with numbered as (
    select
        i,
        (hash('traffic', getvariable('team_seed'), i, $number) % 1000000) * 0.000001 as draw,
        $today::timestamptz + to_hours(cast(24 * ($number // 8) + $number % 8 + 8 as integer)) as hour
    from range($stretches) as numbers(i)
)

select distinct on (session)
    case when i * 100 < $stretches * 72 then $sessions + $number * $stretches + i
        when i * 100 < $stretches * 97 and $number > 0 then $sessions + ($number - 1) * $stretches + i - $stretches * 72 // 100
        else cast(draw * $sessions as bigint) end as session,
    1 + $number % 4 as stretch,
    hour + to_microseconds(cast(draw * 3000000000 as bigint)) as began
from numbered;
