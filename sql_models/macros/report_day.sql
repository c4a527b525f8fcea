{# The calendar day of an instant in the workspace's report time zone. #}
{% macro report_day(instant) -%}
    cast(timezone('{{ var("report_timezone") }}', {{ instant }}) as date)
{%- endmacro %}

{# Wall-clock time of an instant in the report time zone (timestamp without zone). #}
{% macro report_time(instant) -%}
    timezone('{{ var("report_timezone") }}', {{ instant }})
{%- endmacro %}

{# Whole and fractional seconds between two instants, as an exact decimal. #}
{% macro seconds_between(first, second) -%}
    cast((epoch_us({{ second }}) - epoch_us({{ first }})) * 0.000001::decimal(7, 6) as decimal(18, 6))
{%- endmacro %}
