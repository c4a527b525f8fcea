"""Pure functions: rows, a width and a height become lines of styled text.

Owns layout, columns, wording and numbers on screen. Refuses the network, the clock (an instant is passed in) and every
import of Textual, so that `--print` and the tests run without a terminal.
"""
