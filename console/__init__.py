"""The terminal console: an HTTP client that draws.

Owns everything a person sees and presses. Refuses to compute what the engine knows (sums, links, prices) and to open
the engine's files: of the engine it imports the contract and the filter grammar, nothing else.
"""

__version__ = "0.1.0"
