"""The compiler: a trace folded back into loops, and those made into machine code.

What is handed on from file to file:

    tracing.py    a function run once: its Tape, and what it read from outside (captures.py)
    tape.py       Tape: the graph as a list of instructions
    fold.py       Nest: the tape rolled up into loops
    flow.py       where every operand of the nest comes from: a register, a carry, memory
    adjoint.py    Program: the nest with loads and stores, and the reverse sweep
    emit.py       LLVM's code of a program; interpret.py runs one in Python
    dispatch.py   what a user calls: `jit`
"""
