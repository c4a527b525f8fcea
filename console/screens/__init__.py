"""The screens: what each asks the engine, which columns it has, where `enter` leads, and the one Textual screen that
shows them.

Owns a page per subject (plain Python) and `main.py`, which draws pages and obeys the keymap. Refuses to format numbers
(views) and to fetch (feed).
"""
