"""Which changed files count as written lines: the same rule as the engine's (`engine/repos/paths.py`).

Owns a copy of that pattern, because this package imports nothing of the engine; a test keeps the two equal.
"""

from __future__ import annotations

import re

PATTERN = (
    b"(?:^|/)(?:node_modules|bower_components|vendor|vendored|third_party|third\\-party|thirdparty|\\.yarn/r"
    b"eleases|\\.yarn/plugins|__snapshots__|__generated__|site\\-packages|pods|carthage/build|dist|\\.venv|ve"
    b"nv)/|(?:^|/)(?:package\\-lock\\.json|npm\\-shrinkwrap\\.json|yarn\\.lock|pnpm\\-lock\\.yaml|bun\\.lock|bun\\."
    b"lockb|deno\\.lock|poetry\\.lock|uv\\.lock|pdm\\.lock|pipfile\\.lock|pixi\\.lock|conda\\-lock\\.yml|cargo\\.lo"
    b"ck|go\\.sum|go\\.work\\.sum|gopkg\\.lock|glide\\.lock|composer\\.lock|gemfile\\.lock|podfile\\.lock|cartfile"
    b"\\.resolved|package\\.resolved|mix\\.lock|rebar\\.lock|pubspec\\.lock|flake\\.lock|gradle\\.lockfile|packag"
    b"es\\.lock\\.json|paket\\.lock|cabal\\.project\\.freeze|stack\\.yaml\\.lock|cpanfile\\.snapshot|renv\\.lock|ma"
    b"nifest\\.toml\\.lock|\\.terraform\\.lock\\.hcl|module\\.bazel\\.lock|.*\\.min\\.(?:js|mjs|cjs|css)|.*[.-]bund"
    b"le\\.(?:js|css)|.*\\.(?:js|mjs|css|ts)\\.map|.*\\.pb\\.(?:go|cc|h|c|swift|dart)|.*\\.pbobjc\\.[hm]|.*_pb2(?"
    b":_grpc)?\\.pyi?|.*_pb\\.(?:js|ts|d\\.ts|rb)|.*\\.(?:g|freezed|mocks)\\.dart|.*\\.designer\\.(?:cs|vb)|.*\\.g"
    b"\\.(?:cs|i\\.cs)|.*\\.generated\\.[a-z0-9]+|.*_generated\\.[a-z0-9]+|.*\\.snap|zz_generated\\..*\\.go|requir"
    b"ements[a-z0-9_-]*\\.lock)$"
)
NOT_WRITTEN = re.compile(PATTERN, re.IGNORECASE | re.DOTALL)


def is_written(path: bytes) -> bool:
    """Whether the lines of this file are a commit's own work; `path` as git prints it, with `/`."""
    return NOT_WRITTEN.search(path) is None
