-- Subscriptions and seats that the workspace declares (plans.yaml): what is paid whatever is used.

create table raw.plans (
    batch_id bigint not null,
    received_at timestamptz not null,
    dedup_key uuid not null,
    vendor varchar not null,              -- who is paid; '': this source declares nothing
    plan varchar not null,
    agent_types varchar not null,         -- whose calls it covers, comma-separated
    developer varchar,                    -- as declared; NULL: seats that nobody sits on
    monthly_usd decimal(38, 12) not null, -- of this row, per calendar month
    valid_from date not null,
    valid_to date,                        -- exclusive; NULL: still paid
    plan_source varchar not null          -- plans.yaml and the hash of its content
);
