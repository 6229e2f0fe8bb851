"""Which file is the declaration: the command line's, else the Snakefile's, else the default.

The commands read the Snakefile's `configfile:` as text, without running it; the rules are given it
by Snakemake. Both refuse what the other could not see, so that all speak of one declaration.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from stanchion.errors import DeclarationError, Fault

DEFAULT = Path("config/config.yaml")
SNAKEFILES = ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile")
"""Where Snakemake looks for the Snakefile, in this order (snakemake.api.SNAKEFILE_CHOICES)."""

_SPACE = (tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)
_TODO = 'write `configfile: "config/config.yaml"`, with the path itself, or give --configfile'


def declaration_file(chosen: Path | None = None, root: Path = Path()) -> Path:
    """Return the declaration of the project in `root`, from there: `chosen`, else as it declares.

    With `chosen` the Snakefile is not read.

    Raises:
        DeclarationError: the Snakefile's `configfile:` is not a plain text, or names two files; or
            it gives the module `stanchion` a literal `config` that is not in the file.
    """
    if chosen is not None:
        return chosen
    snakefile = next((root / name for name in SNAKEFILES if (root / name).is_file()), None)
    if snakefile is None:
        return DEFAULT
    values = list(_values(snakefile, set()))
    files = [value for name, value in values if name == "configfile"]
    file = _only(files)
    for config in (value for name, value in values if name == "config" and value):
        if not files or not _same(config, _fast(root / file), set()):
            raise _own_config()
    return file


def workflow_declaration(workflow: Any, config: Mapping[str, Any]) -> Path:
    """Return the declaration of a running Snakemake; `config` is what the module was given.

    Raises:
        DeclarationError: several files are named, or `config` is not what these files say.
    """
    settings = workflow.config_settings
    named = workflow.configfiles[len(settings.configfiles) :]
    if workflow.is_main_process:
        _require_unchanged(config, [] if settings.replace_workflow_config else named, settings)
    return _only(settings.configfiles or named)


def _only(files: Iterable[str | Path]) -> Path:
    """Return the only file of a list, relative to this folder where it lies in it."""
    here = Path.cwd()
    paths = {Path(file).resolve(): Path(file) for file in files}
    if len(paths) > 1:
        raise DeclarationError(
            f"the declaration is one file, and {len(paths)} are named",
            key="configfile",
            value=", ".join(map(str, paths.values())),
            todo="write one file, and name that",
        )
    path = next(iter(paths.values()), DEFAULT)
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def _require_unchanged(config: Mapping[str, Any], named: Sequence[str], settings: Any) -> None:
    """Refuse a `config` that a Snakefile has made or changed: `check` and `status` cannot see it.

    It is what Snakemake makes of the Snakefile's files, with the command line's laid over them.
    """
    from snakemake.common.configfile import load_configfile
    from snakemake.utils import update_config

    def merged(load: Any) -> dict[str, Any]:
        merged_config: dict[str, Any] = {}
        for file in named:
            update_config(merged_config, load(file))
        update_config(merged_config, deepcopy(settings.overwrite_config))
        return merged_config

    if config and not any(_same(config, merged(load), set()) for load in (_fast, load_configfile)):
        raise _own_config()


def _own_config() -> DeclarationError:
    return DeclarationError(
        "the module `stanchion` is given a `config` of its own, which is in no file",
        where="Snakefile",
        key="module stanchion: config",
        allowed="`config: config`, with the content of `configfile:` as it stands there",
        todo="write the declaration into a YAML file and name it by `configfile:`; "
        "change single values by --config",
    )


def _fast(file: str | Path) -> Any:
    """Read YAML with the C parser, which took a sixth of the time of Snakemake's own reader."""
    import yaml

    try:
        content = yaml.load(Path(file).read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _same(left: Any, right: Any, visited: set[tuple[int, int]]) -> bool:
    """Compare two values, each pair of parts once: YAML's aliases share parts."""
    if (id(left), id(right)) in visited:
        return True
    visited.add((id(left), id(right)))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_same(left[k], right[k], visited) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(lambda a, b: _same(a, b, visited), left, right))
    return type(left) is type(right) and bool(left == right or (left != left and right != right))


def _values(snakefile: Path, visited: set[Path]) -> Iterator[tuple[str, Any]]:
    """Yield the `configfile` and the module's `config` of a Snakefile and what it includes."""
    visited.add(snakefile.resolve())
    for line, directive, value in _directives(snakefile):
        if directive == "include" and isinstance(value, str):
            included = snakefile.parent / value
            if included.is_file() and included.resolve() not in visited:
                yield from _values(included, visited)
        elif isinstance(value, dict if directive == "config" else str):
            yield directive, value
        elif directive == "configfile":
            raise DeclarationError(
                "only Snakemake could tell which file this is, by running the Snakefile",
                where=f"{snakefile}:{line}",
                key="configfile",
                allowed="a quoted path, at the beginning of a line",
                todo=_TODO,
            )


def _directives(snakefile: Path) -> Iterator[tuple[int, str, Any]]:
    """Yield line, name and value of each `configfile:`, `include:` and the module's `config:`.

    The value is None where it is more than a literal.
    """
    try:
        source = io.BytesIO(snakefile.read_bytes())
        tokens = list(tokenize.tokenize(source.readline))[1:]
    except (OSError, SyntaxError, UnicodeDecodeError, tokenize.TokenError) as error:
        raise DeclarationError(
            Fault(f"the Snakefile cannot be read: {error}", str(snakefile), todo=_TODO)
        ) from None
    section: list[str] = []
    for index, token in enumerate(tokens):
        if token.start[1] == 0 and token.type not in _SPACE:
            section = [each.string for each in tokens[index : index + 2]]
        is_config = token.string == "config" and section == ["module", "stanchion"]
        if token.type != tokenize.NAME or not (
            is_config or token.string in ("configfile", "include")
        ):
            continue
        follows = tokens[index + 1].string if index + 1 < len(tokens) else ""
        called = index > 0 and tokens[index - 1].string == "."
        if follows == ":" or called:
            plain = follows == ":" and (is_config or token.start[1] == 0)
            value = _literal(tokens[index + 2 :]) if plain else None
            yield token.start[0], token.string, value


def _literal(tokens: Sequence[tokenize.TokenInfo]) -> Any:
    """Return the literal that a directive's value is, or None where it is anything else."""
    parts: list[str] = []
    for token in tokens:
        if token.type not in _SPACE:
            parts.append(token.string)
        elif parts and token.type in (tokenize.NEWLINE, tokenize.DEDENT):
            break
    try:
        return ast.literal_eval(" ".join(parts).rstrip(" ,"))
    except (SyntaxError, TypeError, ValueError):
        return None
