{# Tokens at a price per million, before the division by a million: exact. No tokens cost nothing even without a price;
   tokens without a price make the whole request unpriced (NULL). #}
{% macro token_price(tokens, price) -%}
    case when coalesce({{ tokens }}, 0) = 0 then 0::decimal(38, 9)
         else cast({{ tokens }} * {{ price }} as decimal(38, 9)) end
{%- endmacro %}

{# From millionths of a dollar (a column) to dollars with twelve digits, rounded. Below a thousand dollars the digits are
   taken off in 64 bits: dividing 128 bits costs a microsecond a row. #}
{% macro per_million(amount) -%}
    case when {{ amount }} between 0 and 999999999
        then cast(cast(cast({{ amount }} as decimal(18, 9)) as decimal(18, 6)) * 0.000001::decimal(7, 6) as decimal(38, 12))
        else cast({{ amount }} * 0.000001::decimal(7, 6) as decimal(38, 12)) end
{%- endmacro %}

{# How the money of several requests is known: reported, priced, unpriced, or mixed. Requests without tokens have no
   say; NULL where nothing is left. #}
{% macro cost_basis_of(basis='cost_basis', tokens='total_tokens') -%}
    case when count(distinct {{ basis }}) filter (where {{ tokens }} > 0) > 1 then 'mixed'
         else coalesce(min({{ basis }}) filter (where {{ tokens }} > 0), min({{ basis }})) end
{%- endmacro %}

{# The measures that every aggregate of requests carries. #}
{% macro usage_measures() -%}
    cast(count(*) filter (where grain = 'request') as bigint) as request_count,
    cast(count(*) filter (where not success) as bigint) as error_count,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(cache_read_tokens) as bigint) as cache_read_tokens,
    cast(sum(cache_write_tokens) as bigint) as cache_write_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(sum(reasoning_tokens) as bigint) as reasoning_tokens,
    cast(sum(total_tokens) as bigint) as total_tokens,
    cast(coalesce(sum(total_tokens) filter (where cost_usd is null), 0) as bigint) as unpriced_tokens,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_usd,
    cast(sum(cost_reported_usd) as decimal(38, 12)) as cost_reported_usd,
    cast(sum(cost_priced_usd) as decimal(38, 12)) as cost_priced_usd,
    {{ cost_basis_of() }} as cost_basis
{%- endmacro %}
