{# Counters without a session (Codex, Copilot, and agents told to leave it out) are kept by agent and day, so that a new
   point makes a day anew and not all of them. #}
{% macro counter_day(agent_type, instant) -%}
    'counters of ' || {{ agent_type }} || ' on ' || cast(cast(timezone('UTC', {{ instant }}) as date) as varchar)
{%- endmacro %}

{# The agents' counters of tokens and cost, by the name of the metric. #}
{% macro counts_tokens(metric_name) -%}
    ({{ metric_name }} in (
        'claude_code.token.usage', 'claude_code.cost.usage', 'gemini_cli.token.usage', 'qwen-code.token.usage',
        'codex.turn.token_usage'
    ) or starts_with({{ metric_name }}, 'gen_ai.client.inference.usage.'))
{%- endmacro %}
