"""Which changed files count as written lines.

Owns the rule that lock files, generated files and vendored folders are no work of a commit's author. Refuses to look
into files: the name decides, so the same commit gives the same figures everywhere. Patterns follow GitHub's linguist
(lib/linguist/generated.rb, vendor.yml) where it knows a name.
"""

from __future__ import annotations

import re
from functools import lru_cache

LOCK_FILES = (
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "deno.lock",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "pipfile.lock",
    "pixi.lock",
    "conda-lock.yml",
    "cargo.lock",
    "go.sum",
    "go.work.sum",
    "gopkg.lock",
    "glide.lock",
    "composer.lock",
    "gemfile.lock",
    "podfile.lock",
    "cartfile.resolved",
    "package.resolved",
    "mix.lock",
    "rebar.lock",
    "pubspec.lock",
    "flake.lock",
    "gradle.lockfile",
    "packages.lock.json",
    "paket.lock",
    "cabal.project.freeze",
    "stack.yaml.lock",
    "cpanfile.snapshot",
    "renv.lock",
    "manifest.toml.lock",
    ".terraform.lock.hcl",
    "module.bazel.lock",
)
GENERATED_NAMES = (
    r".*\.min\.(?:js|mjs|cjs|css)",
    r".*[.-]bundle\.(?:js|css)",
    r".*\.(?:js|mjs|css|ts)\.map",
    r".*\.pb\.(?:go|cc|h|c|swift|dart)",
    r".*\.pbobjc\.[hm]",
    r".*_pb2(?:_grpc)?\.pyi?",
    r".*_pb\.(?:js|ts|d\.ts|rb)",
    r".*\.(?:g|freezed|mocks)\.dart",
    r".*\.designer\.(?:cs|vb)",
    r".*\.g\.(?:cs|i\.cs)",
    r".*\.generated\.[a-z0-9]+",
    r".*_generated\.[a-z0-9]+",
    r".*\.snap",
    r"zz_generated\..*\.go",
    r"requirements[a-z0-9_-]*\.lock",
)
FOREIGN_FOLDERS = (
    "node_modules",
    "bower_components",
    "vendor",
    "vendored",
    "third_party",
    "third-party",
    "thirdparty",
    ".yarn/releases",
    ".yarn/plugins",
    "__snapshots__",
    "__generated__",
    "site-packages",
    "pods",
    "carthage/build",
    "dist",
    ".venv",
    "venv",
)
NOT_WRITTEN = re.compile(
    (
        rf"(?:^|/)(?:{'|'.join(re.escape(folder) for folder in FOREIGN_FOLDERS)})/"
        rf"|(?:^|/)(?:{'|'.join(re.escape(name) for name in LOCK_FILES)}|{'|'.join(GENERATED_NAMES)})$"
    ).encode(),
    re.IGNORECASE | re.DOTALL,
)


@lru_cache(maxsize=32_768)
def is_written(path: bytes) -> bool:
    """Whether the lines of this file are a commit's own work; `path` as git prints it, with `/`."""
    return NOT_WRITTEN.search(path) is None
