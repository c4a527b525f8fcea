"""The local histories that coding agents keep, read for numbers and never for content.

Owns what the lines of each agent's files mean: one module and one declaration per agent (`registry.py`), facts as
values (`facts.py`). Refuses finding, opening and following files and the shape of tables: `engine.ingest` does that.
"""
