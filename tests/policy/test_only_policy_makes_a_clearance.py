"""A Clearance that is made elsewhere would be a permission that nobody gave."""

import ast
from pathlib import Path

import pytest

import aihandler

SOURCE = Path(aihandler.__file__).parent
MINT = SOURCE / "policy" / "clear.py"
# Every way to have msgspec, copy or pickle build or change a struct that is named in the call.
MAKERS = {"replace", "force_setattr", "convert", "decode", "Decoder", "defstruct", "__new__"}


def offences(tree):
    """Lines on which a Clearance is made, remade, changed, decoded or subclassed."""
    names = clearance_names(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Call():
                offends = bool(mentioned(node.func) & names) or remade(node, names)
            case ast.ClassDef():
                offends = any(mentioned(base) & names for base in node.bases)
            case ast.Assign(targets=targets):
                offends = any(names_allow_list(target) for target in targets)
            case ast.AugAssign(target=target):
                offends = names_allow_list(target)
            case _:
                offends = False
        if offends:
            yield node.lineno


def clearance_names(tree):
    imported = (a for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names)
    renamed = {a.asname or a.name for a in imported if a.name == "Clearance"}
    assigned = {
        target.id
        for n in ast.walk(tree)
        if isinstance(n, ast.Assign) and mentioned(n.value) == {"Clearance"}
        for target in n.targets
        if isinstance(target, ast.Name)
    }
    return {"Clearance"} | renamed | assigned


def mentioned(node):
    if isinstance(node, ast.Name):
        return {node.id}
    return {node.attr} if isinstance(node, ast.Attribute) else set()


def remade(call, names):
    if not mentioned(call.func) & MAKERS:
        return False
    inside = [*call.args, *(k.value for k in call.keywords)]
    found = set().union(*(mentioned(n) for a in inside for n in ast.walk(a)), set())
    keywords = {k.arg for k in call.keywords}
    return bool(found & names) or "clearance" in found or "allowed" in keywords


def names_allow_list(target):
    if isinstance(target, ast.Subscript):
        return mentioned(target.value) == {"allowed"}
    return isinstance(target, ast.Attribute) and target.attr == "allowed"


def test_no_module_but_one_makes_a_clearance():
    found = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path in sorted(SOURCE.rglob("*.py"))
        if path != MINT
        for line in offences(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


def test_the_one_place_makes_it_once():
    assert len(list(offences(ast.parse(MINT.read_text("utf-8"))))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "Clearance(c, {})",
        "domain.clearance.Clearance(c, {})",
        "from aihandler.domain.clearance import Clearance as C\nC(c, {})",
        "Mine = Clearance\nMine(c, {})",
        "msgspec.structs.replace(clearance, allowed={})",
        "msgspec.structs.replace(plan.clearance, data_class=c)",
        "replace(anything, allowed={})",
        "msgspec.convert(raw, Clearance)",
        "msgspec.convert(raw, type=Clearance)",
        "msgspec.json.decode(raw, type=Clearance)",
        "msgspec.json.Decoder(Clearance)",
        "object.__new__(Clearance)",
        "msgspec.structs.force_setattr(clearance, 'allowed', {})",
        "class Mine(Clearance): ...",
        "clearance.allowed['x'] = 'y'",
    ],
)
def test_the_check_sees_each_way_to_make_one(code):
    assert list(offences(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["clearance.require(deployment)", "def f(c: Clearance) -> None: ...", "replace(s, a=1)"]
)
def test_the_check_lets_uses_pass(code):
    assert not list(offences(ast.parse(code)))
