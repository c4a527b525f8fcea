-- What was refused at the door or set aside: how often, and when last.
select count(*) as number, max(received_at) as newest
from raw.dead_letters
