"""Runs a dbt project over DuckDB inside this process.

Owns reading a project (Project), running its verbs (Runner) and keeping its models up to date while data arrive
(LiveLoop). Knows a folder and a function that gives DuckDB connections; refuses to know anything of this product, and
refuses databases other than DuckDB, Python models and packages from the network.

    project.py    everything that the files say         runner.py        a verb on a selection, in order
    packages.py   dbt_project.yml, local packages       materialize.py   views, tables, incremental models
    profile.py    profiles.yml                          tests.py         data tests        seeds.py  CSV files
    properties.py .yml files                            compile.py       nodes to SQL
    parse.py      files to nodes                        artifacts.py     manifest.json, run_results.json
    resolve.py    references to edges                   live_plan.py     what a refresh would do
    graph.py      order, ancestors                      live.py          the live loop
    selection.py  dbt's selection grammar               jinja.py context.py adapter.py relation.py  templates
"""
