"""Runs a dbt project over DuckDB inside this process.

Owns reading a project (Project), running its verbs (Runner) and keeping its models up to date while data arrive
(LiveLoop). Knows a folder and a function that gives DuckDB connections; refuses to know anything of this product, and
refuses databases other than DuckDB, Python models and packages from the network.

    project.py     everything that the files say     runner.py       the verbs
    packages.py    dbt_project.yml, local packages   run.py          one invocation, node by node
    profile.py     profiles.yml                      compile.py      nodes to SQL
    opening.py     settings, further databases       external.py     sources that are files
    properties.py  property files                    materialize.py  views, tables (incremental.py, snapshots.py)
                                                     custom.py       what a project brings of its own
    parse.py       files to nodes (drafts.py,        tests.py        data tests; unit_tests.py
                   generic_tests.py)                 seeds.py        CSV files; seed_types.py
    resolve.py     references to edges               artifacts.py    manifest.json, run_results.json
    graph.py       order, ancestors                  live_plan.py    what a refresh would do
    selection.py   dbt's selection grammar           live.py         the live loop
    yaml_selectors.py  selectors.yml                 choosing.py     what a command is about; listing.py
    state.py       what changed since a manifest     defer.py        relations of an earlier state
    records.py     the manifest's records            unrendered.py   configuration as it was written
    selector.py    which nodes a selection means     jinja.py, context.py, adapter.py, relation.py,
                                                     result_table.py: templates
    catalog.py     catalog.json                      doc_blocks.py   doc blocks and descriptions
    docs_data.py   what documentation shows          docs_page.py    as a page (page/); docs_markdown.py
    lineage.py     columns of a project              lineage_sql.py  columns of a query (lineage_trace.py)
"""
