"""What each coding agent sends and what it means, one module each, and one registry of them all."""
