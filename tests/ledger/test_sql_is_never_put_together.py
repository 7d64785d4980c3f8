import ast
from pathlib import Path

import pytest

import aihandler.ledger

MODULES = sorted(Path(aihandler.ledger.__file__).parent.glob("*.py"))
RUNS_SQL = {"execute", "executemany", "executescript"}
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "PRAGMA", "CREATE", "DROP", "ALTER", "VACUUM")


def offences(tree: ast.Module) -> list[int]:
    return [getattr(node, "lineno", 0) for node in ast.walk(tree) if offends(node)]


def offends(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr=name), args=[first, *_]) if name in RUNS_SQL:
            return not isinstance(first, ast.Constant | ast.Name | ast.Attribute)
        case ast.JoinedStr(values=parts):
            return any(is_sql(part) for part in parts)
        case ast.Call(func=ast.Attribute(attr="format", value=text)):
            return is_sql(text)
        case ast.BinOp(op=ast.Mod(), left=left):
            return is_sql(left)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return (is_sql(left) or is_sql(right)) and not (is_fixed(left) and is_fixed(right))
        case _:
            return False


def is_sql(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=str(text)):
            return text.lstrip().startswith(VERBS)
        case _:
            return False


def is_fixed(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return name == name.upper()
        case _:
            return isinstance(node, ast.Constant)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_statement_is_made_of_values(module: Path) -> None:
    assert offences(ast.parse(module.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "bad",
    [
        'db.execute(f"SELECT {x}")',
        'db.execute("SELECT %s" % x)',
        'db.execute("SELECT {}".format(x))',
        'db.execute("SELECT " + x)',
        'statement = f"DELETE FROM {table}"',
    ],
)
def test_the_check_finds_statements_made_of_values(bad: str) -> None:
    assert offences(ast.parse(bad))
