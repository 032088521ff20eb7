"""Check that names and prose use the field's standard terms.

Reads words.toml beside this file: words that names of definitions, files and folders avoid, phrases that prose avoids,
and the exceptions, each with its reason. Prints `file:line`, the word and what to write instead, and each exception
that the checked project no longer needs; exits 1 if there is any.
"""

import argparse
import ast
import io
import re
import shutil
import subprocess
import sys
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

LIST = Path(__file__).with_name("words.toml")
WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
SCOPES = ("definition", "test", "file", "label", "prose")
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
NAMING = {
    *LOG_METHODS,
    *(
        "step",
        "observed_step",
        "isolate",
        "try_after_commit",
        "run_periodically",
        "logged",
    ),  # steps and jobs in the log
    *("alias", "label", "cte", "subquery", "bindparam"),  # SQLAlchemy
    *("Counter", "Gauge", "Histogram", "labels"),  # prometheus_client
}
"""Functions whose texts among the positional arguments are names."""
PROSE_FILES = (".md", ".txt", ".toml", ".in", ".sh")
LOCKS = "requirements/*.txt"
LABEL = re.compile(r"[\w-]+(\.[\w-]+)*")  # no sentence: a metric's description is none of our names


@dataclass(frozen=True, slots=True)
class Finding:
    file: str
    line: int
    scope: str
    name: str
    word: str
    write: str

    def __str__(self) -> str:
        return f'{self.file}:{self.line}: {self.scope}: "{self.word}" in {self.name}: write {self.write}'


@dataclass(frozen=True, slots=True)
class Rules:
    names: dict[tuple[str, ...], str]
    prose: list[tuple[re.Pattern[str], str]]
    exceptions: list[dict[str, str]]
    needed: set[int] = field(default_factory=set)
    """The positions of the exceptions that have allowed a word."""

    @classmethod
    def read(cls, file: Path = LIST) -> "Rules":
        document: dict[str, Any] = tomllib.loads(file.read_text())
        names: dict[tuple[str, ...], str] = {}
        prose: list[tuple[re.Pattern[str], str]] = []
        for row in document["refused"]:
            names |= {tuple(each.split()): row["write"] for each in row.get("names", [])}
            prose += [
                (re.compile(r"\b" + each.replace(" ", r"\s+") + r"\b", re.IGNORECASE), row["write"])
                for each in row.get("prose", [])
            ]
        return cls(names, prose, document["exception"])

    def is_excepted(self, file: str, name: str, word: str) -> bool:
        """Return whether an exception for the file allows the word in the name. It allows no other word of the name."""
        for position, row in enumerate(self.exceptions):
            if (
                fnmatchcase(file, row.get("where", "*"))
                and _contains(split(name), split(row["name"]))
                and _contains(split(row["name"]), split(word))
            ):
                self.needed.add(position)
                return True
        return False

    def unneeded(self) -> Iterator[str]:
        """Yield a line for each exception that has allowed no word so far."""
        for position, row in enumerate(self.exceptions):
            if position not in self.needed:
                yield f'{LIST.name}: the exception "{row["name"]}" ({row.get("where", "*")}) allows no word: delete it'

    def refused(self, file: str, name: str) -> tuple[str, str] | None:
        """Return the first refused word of a name and what to write instead; None if there is none."""
        parts = split(name)
        for length in (1, 2):
            for start in range(len(parts) - length + 1):
                word = parts[start : start + length]
                if word in self.names and not self.is_excepted(file, name, " ".join(word)):
                    return " ".join(word), self.names[word]
        return None


def split(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, split at `_` and at capitals."""
    return tuple(part.lower() for part in WORD.findall(name))


def _contains(parts: tuple[str, ...], words: tuple[str, ...]) -> bool:
    return any(parts[at : at + len(words)] == words for at in range(len(parts) - len(words) + 1))


def definitions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each name that the module defines, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name, node.lineno
            case _:
                pass


def labels(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each log event, its keys, and the names of steps, jobs, metrics, SQL aliases, fixtures and test cases."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=function) | ast.Attribute(attr=function)):
                pass
            case _:
                continue
        texts = [*node.args] if function in NAMING else []
        texts += [pair.value for pair in node.keywords if pair.arg in {"step", "id", "ids"}]
        for text in texts:
            for each in text.elts if isinstance(text, ast.Tuple | ast.List) else [text]:
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and LABEL.fullmatch(each.value):
                    yield each.value, each.lineno
        if function in LOG_METHODS:
            yield from ((pair.arg, pair.value.lineno) for pair in node.keywords if pair.arg)


def prose_of(source: str, tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each docstring, comment, message of an assertion and comment of a column, with its first line."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Expr(value=ast.Constant(value=str(text)))
                | ast.keyword(arg="comment", value=ast.Constant(value=str(text)))
            ):
                yield text, node.lineno
            case ast.Assert(msg=ast.expr() as message):
                for part in ast.walk(message):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value, part.lineno
            case _:
                pass
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string, token.start[0]


def check_python(file: str, source: str, rules: Rules) -> Iterator[Finding]:
    tree = ast.parse(source)
    reported: set[str] = set()  # a name counts once in a file, at its first definition
    for name, line in sorted(definitions(tree), key=lambda each: each[1]):
        if name not in reported and (refused := rules.refused(file, name)):
            reported.add(name)
            yield Finding(file, line, "test" if name.startswith("test_") else "definition", name, *refused)
    for name, line in labels(tree):
        if refused := rules.refused(file, name):
            yield Finding(file, line, "label", name, *refused)
    for text, line in prose_of(source, tree):
        yield from check_prose(file, text, line, rules)


def check_prose(file: str, text: str, line: int, rules: Rules) -> Iterator[Finding]:
    for pattern, write in rules.prose:
        for match in pattern.finditer(text):
            if not rules.is_excepted(file, match[0], match[0]):
                at = text.count("\n", 0, match.start())
                sentence = text.splitlines()[at].strip()
                yield Finding(file, line + at, "prose", f"`{sentence[:60]}`", match[0], write)


def check(folder: Path, files: list[str], rules: Rules) -> Iterator[Finding]:
    folders = {parent for file in files for parent in PurePosixPath(file).parents if parent.name}
    for each in sorted(folders):
        if refused := rules.refused(f"{each}/", each.name):
            yield Finding(f"{each}/", 1, "file", each.name, *refused)
    for file in files:
        path = folder / file
        if refused := rules.refused(file, path.stem):
            yield Finding(file, 1, "file", path.name, *refused)
        if path.suffix == ".py":
            yield from check_python(file, path.read_text(), rules)
        else:
            yield from check_prose(file, path.read_text(), 1, rules)


def listed(folder: Path) -> list[str]:
    """Return the tracked Python and text files below a folder; all but installed ones if it is not a repository, or
    without git.

    Locks are generated, and the list of words contains all refused words.
    """
    files = _tracked(folder) or [str(path.relative_to(folder)) for path in _not_installed(folder)]
    return sorted(
        file
        for file in files
        if file.endswith((".py", *PROSE_FILES))
        and not fnmatchcase(file, LOCKS)
        and (folder / file).is_file()
        and (folder / file).name != LIST.name
    )


def _tracked(folder: Path) -> list[str]:
    git = shutil.which("git")
    if git is None:
        return []
    command = [git, "ls-files"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603, our own words
    return done.stdout.splitlines()


def _not_installed(folder: Path) -> Iterator[Path]:
    environments = [file.parent for file in folder.glob("*/pyvenv.cfg")]
    for path in folder.rglob("*.*"):
        if not any(path.is_relative_to(each) for each in environments):
            yield path


def main() -> int:
    parser = argparse.ArgumentParser(description="Check that names and prose use the field's standard terms.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path.cwd())
    parser.add_argument("--counts", action="store_true", help="print the counts only")
    parser.add_argument("--scopes", nargs="+", choices=SCOPES, default=SCOPES, help="check these only (default: all)")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    rules = Rules.read()
    findings = [each for each in check(folder, listed(folder), rules) if each.scope in arguments.scopes]
    unneeded = list(rules.unneeded()) if LIST.is_relative_to(folder) else []  # another project needs other exceptions
    if not arguments.counts:
        sys.stdout.writelines(f"{finding}\n" for finding in [*findings, *unneeded])
    counts = Counter(finding.scope for finding in findings)
    figures = ", ".join(f"{scope} {counts[scope]}" for scope in arguments.scopes)
    sys.stdout.write(f"words to replace: {len(findings)} ({figures})\n")
    return bool(findings or unneeded)


if __name__ == "__main__":
    sys.exit(main())
