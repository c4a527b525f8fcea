{# Commits that an amend or a rebase put in the place of others, as git's post-rewrite hook told: every earlier form of a
   commit, three rewrites back. Columns project_id, new_hash, old_hash; several may become one, and one several. #}
{% macro commit_rewrites() -%}
    with told as (
        select distinct coalesce(project_id, '') as project_id, commit_hash as new_hash, lower(value) as old_hash
        from {{ source('raw', 'git_commit_evidence') }}
        where kind = 'rewritten_from' and value is not null and lower(value) <> commit_hash
    )

    select project_id, new_hash, old_hash from told
    union
    select a.project_id, a.new_hash, b.old_hash
    from told as a
    join told as b on b.project_id = a.project_id and b.new_hash = a.old_hash
    union
    select a.project_id, a.new_hash, c.old_hash
    from told as a
    join told as b on b.project_id = a.project_id and b.new_hash = a.old_hash
    join told as c on c.project_id = a.project_id and c.new_hash = b.old_hash
{%- endmacro %}
