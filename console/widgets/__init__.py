"""Widgets: thin Textual shells around lines that views have drawn.

Owns what repaints and what a key or a click on a widget means. Refuses to lay out text and to know the engine.
"""
