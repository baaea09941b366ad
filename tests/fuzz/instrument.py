"""Counts which branches of a module an input goes through.

Owns the hook that compiles chosen modules with counters in them: one in every body of a function, a condition, a loop,
a case, and before every operand that may be passed over. It must be installed before those modules are imported. A
counter costs some 50 ns where `sys.settrace` costs a call for each line.

The words that a module compares with (its constants) are gathered on the way: a search that knows them need not guess.
"""

import ast
import importlib.abc
import importlib.machinery
import sys
from collections import defaultdict
from collections.abc import Sequence
from types import ModuleType
from typing import Any

COUNTS: defaultdict[int, int] = defaultdict(int)
"""How often each branch was taken since somebody cleared it."""
_TALLY, _STEP = "__tally__", "__step__"
_LONGEST_WORD = 40


def step(branch: int) -> None:
    """Count a branch inside an expression. Returns None, so that `step(n) or x` is x."""
    COUNTS[branch] += 1


def features(counts: "dict[int, int]") -> frozenset[int]:
    """What makes one way through the modules different from another: each branch with how often it was taken, roughly
    (1, 2, 3, 4 to 7, 8 to 15, and so on)."""
    return frozenset(
        (branch << 5) | (count if count < 4 else count.bit_length() + 1) for branch, count in counts.items()
    )


class Instrument(importlib.abc.MetaPathFinder):
    """The hook. `modules` are names, with all that is below them."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = tuple(modules)
        self.branches = 0
        """How many there are in what was imported so far."""
        self.words: set[bytes] = set()

    def __repr__(self) -> str:
        return f"<Instrument {' '.join(self._modules)}>"

    def install(self) -> None:
        """From now on."""
        late = [name for name in sys.modules if self._wanted(name)]
        assert not late, f"imported before they could be counted: {late}"
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A module that is to be counted."""
        if not self._wanted(name):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path, self)
        return spec

    def _wanted(self, name: str) -> bool:
        return any(name == module or name.startswith(module + ".") for module in self._modules)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, instrument: Instrument) -> None:
        super().__init__(name, path)
        self._instrument = instrument

    def get_code(self, fullname: str) -> Any:
        """Never what an ordinary import has kept."""
        tree = ast.parse(self.get_data(self.path), self.path)
        counting = _Counting(self._instrument)
        counted = ast.fix_missing_locations(counting.visit(tree))
        return compile(counted, self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update({_TALLY: COUNTS, _STEP: step})
        super().exec_module(module)


class _Counting(ast.NodeTransformer):
    """Puts the counters in."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument

    def _next(self) -> ast.Constant:
        self._instrument.branches += 1
        return ast.Constant(self._instrument.branches)

    def _counted(self, body: list[ast.stmt]) -> list[ast.stmt]:
        place = ast.Subscript(ast.Name(_TALLY, ast.Load()), self._next(), ast.Store())
        count = ast.copy_location(ast.AugAssign(place, ast.Add(), ast.Constant(1)), body[0])
        said = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        return [body[0], count, *body[1:]] if said else [count, *body]

    def _stepped(self, value: ast.expr) -> ast.expr:
        call = ast.Call(ast.Name(_STEP, ast.Load()), [self._next()], [])
        return ast.copy_location(ast.BoolOp(ast.Or(), [call, value]), value)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Everything with a body, but classes and modules."""
        super().generic_visit(node)
        if not isinstance(node, ast.ClassDef | ast.Module | ast.Lambda | ast.Expression | ast.IfExp):
            for name in ("body", "orelse", "finalbody"):
                body = getattr(node, name, None)
                if isinstance(body, list) and body:
                    setattr(node, name, self._counted(body))
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        node.body, node.orelse = self._stepped(node.body), self._stepped(node.orelse)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        node.values = [node.values[0], *map(self._stepped, node.values[1:])]
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        if node.ifs:
            node.ifs.append(ast.BoolOp(ast.Or(), [ast.Call(ast.Name(_STEP, ast.Load()), [self._next()], []), _TRUE]))
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        value = node.value.encode("utf-8", "surrogatepass") if isinstance(node.value, str) else node.value
        if isinstance(value, bytes) and 0 < len(value) <= _LONGEST_WORD and b" " not in value.strip():
            self._instrument.words.add(value)
        return node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        for constant in ast.walk(node):
            if isinstance(constant, ast.Constant):
                self.visit_Constant(constant)
        return node  # nothing may be put into a pattern


_TRUE = ast.Constant(True)
