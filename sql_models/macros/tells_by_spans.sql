{# Agents without log records: their spans are what log records are elsewhere. #}
{% macro tells_by_spans(agent_type) -%}
    {{ agent_type }} in ('github_copilot', 'opencode')
{%- endmacro %}
