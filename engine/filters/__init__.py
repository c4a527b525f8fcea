"""The filter grammar: one for the console, the API and the command line.

Owns text → tree → parameterised condition, and the registry of fields that help and completion are made from. Refuses
everything beyond the standard library, because the console imports it before its first paint.
"""

from engine.filters.errors import FilterError
from engine.filters.fields import BY_NAME, FIELDS, Field
from engine.filters.parse import Filter, Term, parse, render

__all__ = ["BY_NAME", "FIELDS", "Field", "Filter", "FilterError", "Term", "parse", "render"]
