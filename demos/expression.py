"""How is an expression differentiated, and can a hand check the answer?

An expression on Values is computed as usual and remembered as a graph. On the way back through that
graph each operation hands on what it received, times its own small derivative: the chain rule.
"""

from autograd import Value, draw, gradcheck
from autograd.engine import graph, local_partials
from demos import begin

OUT = begin(__doc__)

print("""
1. The expression: f = a*b + b**2 at a = 2, b = -3. Note that b is used twice.
""")

a = Value(2.0, label="a")
b = Value(-3.0, label="b")
product = a * b
square = b**2
f = product + square
product.label, square.label, f.label = "a*b", "b**2", "f"

print(f"   f = 2*(-3) + (-3)**2 = {f.data:g}")

print("""
2. f remembers how it was made: every number, the operation that gave it, and
   what went in. An operation also knows its local derivatives, how it answers
   to a small change of each input.
""")

for node in graph(f):
    if node.op is None:
        print(f"   {node.label:5} = {node.data:2g}   given")
    else:
        inputs = ", ".join(x.label for x in node.inputs if isinstance(x, Value))
        partials = ", ".join(f"{p:g}" for p in local_partials(node) if p is not None)
        made = f"{node.op.name} of {inputs}"
        print(f"   {node.label:5} = {node.data:2g}   {made:16} local derivatives {partials}")

print("""
3. Backward: start with df/df = 1, and walk the graph from f to a and b. Every
   input receives the gradient of the output times the local derivative. What
   arrives twice is added up.
""")

f.backward()
print(f"   df/da = {a.grad:g}")
print(f"   df/db = {b.grad:g}")

print("""
4. By hand: df/da = b, and df/db = a (through a*b) + 2*b (through b**2).
""")

by_hand = -3.0, 2.0 + 2 * (-3.0)
print(f"   df/da = {by_hand[0]:g}")
print(f"   df/db = 2 + 2*(-3) = {by_hand[1]:g}")
assert (a.grad, b.grad) == by_hand

print("""
5. By finite differences, which know nothing of graphs: change an input a
   little, up and down, and see how f changes.
""")


def plain(a, b):
    return a * b + b**2


h = 1e-6
print(f"   df/da = {(plain(2 + h, -3) - plain(2 - h, -3)) / (2 * h):.9f}")
print(f"   df/db = {(plain(2, -3 + h) - plain(2, -3 - h)) / (2 * h):.9f}")
print(f"   gradcheck, which does that for each operation: {gradcheck(plain, [2.0, -3.0])}")

print("""
6. The same as a picture: a card per number with its gradient, the local
   derivatives on the arrows.
""")

print(f"   wrote {draw(f).render(outfile=OUT / 'expression.svg')}")

print("""
7. What a gradient is good for: it points uphill. A small step against it
   lowers f, and learning is nothing but many such steps.
""")

a.data -= 0.01 * a.grad
b.data -= 0.01 * b.grad
print(f"   f was {f.data:g}, and is {plain(a.data, b.data):.4f} at a = {a.data:g}, b = {b.data:g}")

print(f"\nAnswer: backwards, step by step; graph and hand agree on {a.grad:g} and {b.grad:g}.")
