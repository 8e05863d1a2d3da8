"""The compiler: a trace folded back into loops, and those made into machine code.

What is handed on from file to file:

    structure.py  arguments and captures, read for their numbers; what a traced function sees of them
    reach.py      what a function can read from outside, as its code says (bytecode.py); captures.py
                  asks for it again before each call
    tracing.py    a function run once: its Tape; what it runs as (copies.py), and what stands for
                  plain numbers (standins.py) and arrays (arrays.py) meanwhile
    collector.py  Python's garbage collector, off while tapes are made and folded
    tape.py       Tape: the graph as a list of instructions; sums begin alike in it (chains.py)
    fold.py       Nest: the tape rolled up into loops
    flow.py       where every operand of the nest comes from: a register, a carry, memory (places.py)
    adjoint.py    Program (program.py): the nest with loads and stores, and the reverse sweep; how
                  adjoints travel (channels.py), and which numbers a partial is made from (needs.py)
    emit.py       LLVM's code of a program; interpret.py runs one in Python
    running.py    machine code, with the arrays that it runs on

What a user calls, and gets:

    dispatch.py   `jit`: which trace is right for a call, or a new one (lowered.py: one to look at)
    compiled.py   a trace, compiled as it is needed, and a call of it that has run
    quick.py      short ways: of floats (bound.py), of what is plain (layout.py), of a Module (held.py)
    gradients.py  gradients in the structure of the arguments
    node.py       a compiled call as a node of the graph
    eager.py      calls that are not compiled
    unrolled.py   a folded program as a graph for pictures (rejoined.py, naming.py)
"""
