"""Machine code of a program: its loops are loops of the code, its ops are written by their rules.

LLVM compiles it, from text in its own language. A `Block` is a function of its own, for the time
that LLVM takes grows faster than the length of a function.

Code that handed nothing on from adjoints of zero would have to look at each of them. Where that
matters, 0 * inf, a gradient comes out as nan. So there are two: the code that runs first looks at
no adjoint, but for a nan in the gradient in the end; then the strict code, which looks, runs too.

    r            the name of every register so far
    i            the names of the counters of the loops around
    %x %y ...    where the arrays begin; see program.py
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterable
from functools import cache
from itertools import count
from typing import Any

import numpy as np

from ..backends.llvm import DECLARATIONS, OPERATIONS, Code, Registers, bind, hexadecimal, writing
from ..backends.registers import Register
from ..ops import Op, chosen
from .interpret import DONE, OUT_OF_RANGE
from .program import (
    Add,
    Block,
    Check,
    Choice,
    Compute,
    Constant,
    Index,
    Load,
    Loop,
    Program,
    Pull,
    Statement,
    Store,
    Workspace,
)

NOT_A_NUMBER = -3  # what the code that looks at no adjoint reports of its gradient

ARRAYS = ("x", "y", "s", "gx", "v", "g", "c", "table")
READ_ONLY = ("x", "s", "c")
PARAMETERS = ", ".join(f"ptr noalias %{name}" for name in ARRAYS)
ARGUMENTS = ", ".join(f"ptr %{name}" for name in ARRAYS)

# LLVM's level of care, by the number of statements. The lowest is 5 times as fast as the middle one,
# and its code half as fast, or a quarter slower where there are no loops.
LEVELS = ((400, 3), (5000, 1), (math.inf, 0))

METADATA = """
!0 = !{}
!1 = !{!"branch_weights", i32 1000000, i32 1}
"""

PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 6)


class Native:
    """A program as machine code; call it with a workspace of the program.

    Attributes:
        address: of a function that takes the six `Workspace.addresses` and returns what `__call__`
            does, or NOT_A_NUMBER: then only `__call__` has the right gradient.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._constants = np.ascontiguousarray(program.constants, np.float64)
        self._table = np.ascontiguousarray(program.table, np.int32)
        self._engines: list[Any] = []  # they hold the code
        self.address = self._compile(strict=False)
        self._fast = PROTOTYPE(self.address)
        self._strict: Callable[..., int] | None = None

    def __call__(self, workspace: Workspace) -> int:
        """Run on the arrays of ``workspace``.

        Returns:
            DONE, OUT_OF_RANGE if a list is too short for an index, or the number of the first
            guard that failed.
        """
        status: int = self._fast(*workspace.addresses)
        if status != NOT_A_NUMBER:
            return status
        if self._strict is None:
            self._strict = PROTOTYPE(self._compile(strict=True))
        workspace.g[:] = 0.0
        return int(self._strict(*workspace.addresses))

    def _compile(self, strict: bool) -> int:
        addresses = self._constants.ctypes.data, self._table.ctypes.data
        engine = machine_code(ir_text(self._program, strict, addresses), _level(self._program))
        self._engines.append(engine)
        return int(engine.get_function_address("run"))


def native(program: Program) -> Native:
    """Compile a program.

    Raises:
        NotWritable: if the rule of an op does what registers cannot, such as `if`.
    """
    return Native(program)


def ir_text(program: Program, strict: bool = False, addresses: tuple[int, int] = (0, 0)) -> str:
    """Write a program in the language of LLVM: ``run(x, y, s, gx, v, g)`` returns a status.

    Args:
        program: the program.
        strict: whether adjoints of zero are looked at, and not the gradient for nan.
        addresses: where its constants and its table are.
    """
    module = Module(strict)
    module.add("sweep", PARAMETERS, _sweep(module, program))
    constants, table = addresses
    return "\n".join(
        [
            DECLARATIONS,
            "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)",
            "declare i64 @llvm.fptosi.sat.i64.f64(double)",
            *module.functions,
            "define i64 @run(ptr %x, ptr %y, ptr %s, ptr %gx, ptr %v, ptr %g) nounwind {",
            f"  %c = inttoptr i64 {constants} to ptr",
            f"  %table = inttoptr i64 {table} to ptr",
            f"  %status = call i64 @sweep({ARGUMENTS})",
            "  ret i64 %status",
            "}",
            METADATA,
        ]
    )


def _sweep(module: Module, program: Program) -> list[str]:
    function = Function(module)
    size = 8 * program.inputs
    if program.has_gradient:
        function.write(f"call void @llvm.memset.p0.i64(ptr %gx, i8 0, i64 {size}, i1 false)")
    function.body(program.body)
    if program.has_gradient and program.inputs and not module.strict:
        function.look_for_nan(program.inputs)
    return function.end(f"ret i64 {DONE}")


class Module:
    """The functions written so far."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.numbers = count()
        self.functions: list[str] = []

    def add(self, name: str, parameters: str, lines: list[str]) -> None:
        """Add a function of that name."""
        head = f"define internal i64 @{name}({parameters}) nounwind noinline {{"
        self.functions.append("\n".join([head, "entry:", *lines, "}"]))


class Function:
    """A function, as it is written: statement by statement."""

    def __init__(self, module: Module, i: Iterable[str] = (), r: Iterable[int] = ()) -> None:
        self.module = module
        self.code = Code()
        self.i = list(i)
        self.r = {register: f"%r{register}" for register in r}
        self.label = "entry"  # of the block of code that is being written

    def write(self, line: str) -> None:
        self.code.lines.append(f"  {line}")

    def begin(self, label: str) -> None:
        self.code.lines.append(f"{label}:")
        self.label = label

    def end(self, line: str) -> list[str]:
        self.write(line)
        return self.code.lines

    # ---- statements ----

    def body(self, statements: list[Statement]) -> None:
        for s in statements:
            match s:
                case Load():
                    self.r[s.target] = self.load(s.array, self.place(s.array, s.index, s.choice))
                case Store():
                    self.store(s)
                case Constant():
                    self.r[s.target] = hexadecimal(s.number)
                case Compute():
                    self.compute(s)
                case Pull():
                    self.pull(s)
                case Add():
                    self.r[s.target] = self.operate("+", self.r[s.a], self.r[s.b])
                case Check():
                    self.check(s)
                case Loop():
                    self.loop(s)
                case Block():
                    self.block(s)

    def operate(self, what: str, *operands: str) -> str:
        return self.code.line(OPERATIONS[what].format(*operands))

    def load(self, array: str, pointer: str) -> str:
        if array in READ_ONLY:
            return self.code.line(f"load double, ptr {pointer}, !invariant.load !0")
        return self.code.fresh(f"load double, ptr {pointer}")

    def store(self, s: Store) -> None:
        pointer, source = self.place(s.array, s.index, s.choice), self.r[s.source]
        if s.adds:
            source = self.operate("+", self.load(s.array, pointer), source)
        self.write(f"store double {source}, ptr {pointer}")

    def compute(self, s: Compute) -> None:
        xp = Registers(s.op, self.code)
        with writing(s.op):
            y = xp._number(s.op.forward(xp, *(Register(xp, self.r[v]) for v in s.inputs)))
        self.r[s.target] = y

    def pull(self, s: Pull) -> None:
        """A partial times the adjoint, for each wanted input."""
        xp = Registers(s.op, self.code)
        # Where a rule does not look any number will do, but it must be a register.
        y, *x = (Register(xp, "0.0" if v is None else self.r[v]) for v in (s.y, *s.inputs))
        with writing(s.op):
            entries = chosen(s.op, s.op.partials(xp, y, *x), [t is not None for t in s.targets])
            partials = [None if p is None else xp._number(p) for p in entries]
        for target, p in zip(s.targets, partials):
            if target is not None and p is not None:
                self.r[target] = self.contribution(s.op, p, self.r[s.adjoint])

    def contribution(self, op: Op, p: str, adjoint: str) -> str:
        zero, one = hexadecimal(0.0), hexadecimal(1.0)
        y = adjoint if p == one else self.operate("*", p, adjoint)
        if op.selects:
            y = self.operate("where", self.operate("==", p, zero), zero, y)
        if self.module.strict:
            y = self.operate("where", self.operate("==", adjoint, zero), zero, y)
        return y

    def check(self, s: Check) -> None:
        passed = self.operate(s.symbol, self.r[s.a], self.r[s.b])
        if not s.taken:
            passed = self.code.line(f"xor i1 {passed}, true")
        self.unless(passed, self.at(s.number))

    def unless(self, condition: str, status: str) -> None:
        """Return ``status`` unless ``condition`` is true."""
        n = next(self.module.numbers)
        self.write(f"br i1 {condition}, label %pass{n}, label %stop{n}, !prof !1")
        self.begin(f"stop{n}")
        self.write(f"ret i64 {status}")
        self.begin(f"pass{n}")

    def loop(self, s: Loop) -> None:
        """At least one round; what is handed on is named before it is known, in phis."""
        n = next(self.module.numbers)
        trips = self.at(s.trips) if isinstance(s.trips, Index) else str(s.trips)
        first = self.code.line(f"sub nsw i64 {trips}, 1") if s.down else "0"
        entry, state = self.label, [self.r[c.initial] for c in s.carries]
        self.write(f"br label %loop{n}")
        self.begin(f"loop{n}")
        top = len(self.code.lines)
        self.r.update((c.register, f"%carry{n}.{k}") for k, c in enumerate(s.carries))
        self.i.append(f"%i{n}")
        self.body(s.body)
        self.i.pop()
        self.write(f"%next{n} = add nsw i64 %i{n}, {-1 if s.down else 1}")
        ends = f"%i{n}, 0" if s.down else f"%next{n}, {trips}"
        self.write(f"%more{n} = icmp ne i64 {ends}")
        self.write(f"br i1 %more{n}, label %loop{n}, label %after{n}")
        phis = [f"  %i{n} = phi i64 [ {first}, %{entry} ], [ %next{n}, %{self.label} ]"]
        for k, (c, initial) in enumerate(zip(s.carries, state)):
            following = self.r[c.final] = self.r[c.following]
            ways = f"[ {initial}, %{entry} ], [ {following}, %{self.label} ]"
            phis.append(f"  %carry{n}.{k} = phi double {ways}")
        self.code.lines[top:top] = phis
        self.begin(f"after{n}")

    def block(self, s: Block) -> None:
        """A function that is given the counters, and the registers from outside."""
        name = f"block{next(self.module.numbers)}"
        given = sorted(_read(s.body) & self.r.keys())
        i = [f"%outer{k}" for k in range(len(self.i))]
        function = Function(self.module, i, given)
        function.body(s.body)
        parameters = [PARAMETERS, *(f"i64 {k}" for k in i), *(f"double %r{r}" for r in given)]
        self.module.add(name, ", ".join(parameters), function.end(f"ret i64 {DONE}"))
        arguments = [ARGUMENTS, *(f"i64 {k}" for k in self.i)]
        arguments += [f"double {self.r[r]}" for r in given]
        status = self.code.fresh(f"call i64 @{name}({', '.join(arguments)})")
        self.unless(self.code.line(f"icmp eq i64 {status}, {DONE}"), status)

    # ---- addresses ----

    def at(self, index: Index) -> str:
        """The integer that an index comes to."""
        terms = [str(index.base)] if index.base else []
        if index.lookup:
            pointer = self.pointer("i32", "table", self.at(index.lookup))
            entry = self.code.line(f"load i32, ptr {pointer}, !invariant.load !0")
            terms.append(self.code.line(f"sext i32 {entry} to i64"))
        for stride, i in zip(index.strides, self.i):
            if stride:
                terms.append(i if stride == 1 else self.code.line(f"mul nsw i64 {i}, {stride}"))
        return self.sum(terms)

    def sum(self, terms: list[str]) -> str:
        total, *others = terms or ["0"]
        for term in others:
            total = self.code.line(f"add nsw i64 {total}, {term}")
        return total

    def pointer(self, kind: str, array: str, at: str) -> str:
        return self.code.line(f"getelementptr inbounds {kind}, ptr %{array}, i64 {at}")

    def place(self, array: str, index: Index, choice: Choice | None) -> str:
        at = self.at(index)
        if choice is not None:
            chosen = self.code.line(f"mul nsw i64 {self.chosen(choice)}, {choice.stride}")
            at = self.sum([at, chosen])
        return self.pointer("double", array, at)

    def chosen(self, choice: Choice) -> str:
        """The integer that an input holds, as an index of a list: from the end if negative."""
        line = self.code.line
        number = self.load("x", self.pointer("double", "x", self.at(choice.index)))
        k = line(f"call i64 @llvm.fptosi.sat.i64.f64(double {number})")
        from_end = line(f"add i64 {k}, {choice.count}")
        k = line(f"select i1 {line(f'icmp slt i64 {k}, 0')}, i64 {from_end}, i64 {k}")
        self.unless(line(f"icmp ult i64 {k}, {choice.count}"), str(OUT_OF_RANGE))
        return k

    # ---- the end ----

    def look_for_nan(self, inputs: int) -> None:
        """Return NOT_A_NUMBER if there is a nan in the gradient."""
        entry = self.label
        self.write("br label %look")
        self.begin("look")
        self.write(f"%k = phi i64 [ 0, %{entry} ], [ %k.next, %look ]")
        self.write(f"%found = phi i1 [ false, %{entry} ], [ %found.next, %look ]")
        self.write("%slope.at = getelementptr inbounds double, ptr %gx, i64 %k")
        self.write("%slope = load double, ptr %slope.at")
        self.write("%is.nan = fcmp uno double %slope, 0.0")
        self.write("%found.next = or i1 %found, %is.nan")
        self.write("%k.next = add nuw nsw i64 %k, 1")
        self.write(f"%k.more = icmp ult i64 %k.next, {inputs}")
        self.write("br i1 %k.more, label %look, label %looked")
        self.begin("looked")
        self.unless(self.code.line("xor i1 %found.next, true"), str(NOT_A_NUMBER))


def _read(statements: list[Statement]) -> set[int]:
    """The registers that statements read."""
    read: set[int | None] = set()
    for s in statements:
        match s:
            case Store():
                read.add(s.source)
            case Compute():
                read.update(s.inputs)
            case Pull():
                read.update((s.y, s.adjoint, *s.inputs))
            case Add() | Check():
                read.update((s.a, s.b))
            case Loop():
                read.update(c.initial for c in s.carries)
                read |= _read(s.body)
            case Block():
                read |= _read(s.body)
    return {register for register in read if register is not None}


# ---- LLVM ----


@cache
def _prepare() -> tuple[Any, str, str]:
    from llvmlite import binding  # type: ignore[import-untyped]

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    bind()
    target = binding.Target.from_default_triple()
    return target, binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()


def _level(program: Program) -> int:
    size = _size(program.body)
    return next(level for most, level in LEVELS if size <= most)


def _size(statements: list[Statement]) -> int:
    return sum(1 + _size(s.body) if isinstance(s, Loop | Block) else 1 for s in statements)


def machine_code(text: str, level: int) -> Any:
    """Compile LLVM's language: an engine, whose functions can be called as long as it is kept.

    Args:
        text: functions that may call what llvm.py declares.
        level: of LLVM's care, 0 to 3.
    """
    from llvmlite import binding

    target, cpu, features = _prepare()
    machine = target.create_target_machine(cpu=cpu, features=features, opt=level, jit=True)
    module = binding.parse_assembly(text)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    options = binding.create_pipeline_tuning_options(speed_level=level)
    options.slp_vectorization = (
        True  # short loops are unrolled first: it is what makes them vectors
    )
    options.loop_interleaving = (
        False  # a tenth of the time, and no gain while sums keep their order
    )
    builder = binding.create_pass_builder(machine, options)
    passes = builder.getModulePassManager()
    passes.run(module, builder)
    # llvmlite forgets to (the method is hidden by a base's): 40 kB of every compilation would stay.
    binding.newpassmanagers.NewPassManager._dispose(passes)
    passes.detach()
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine
