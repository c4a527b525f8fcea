{# Noisy-or over the classes of evidence, in exact decimals, at most 0.99. #}
{% macro combined_confidence() -%}
    least(cast(1 - (
    {%- for class in ['agent_committed', 'agent_authored', 'agent_declared', 'agent_nearby'] %}
        (1 - coalesce(max(confidence) filter (where class = '{{ class }}'), 0::decimal(5, 4))){{ ' *' if not loop.last }}
    {%- endfor %}
    ) as decimal(5, 4)), 0.99::decimal(5, 4))
{%- endmacro %}
