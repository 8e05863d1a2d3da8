"""What does one neuron compute, and what does each of its numbers do to the answer?

A neuron weighs its inputs, adds them up, adds a bias, and bends the sum: o = tanh(x1*w1 + x2*w2 + b).
The numbers are those of Andrej Karpathy's lecture on micrograd, made for gradients that come out even.
"""

import math

from autograd import Value, exp, explain, tanh
from autograd.engine import graph
from demos import begin

OUT = begin(__doc__)

print("""
1. Input forward: two products, two sums, one tanh.
""")


def neuron(x1, w1, x2, w2, b):
    first, second = x1 * w1, x2 * w2
    weighed = first + second
    n = weighed + b
    o = tanh(n)
    first.label, second.label, weighed.label = "x1*w1", "x2*w2", "x1*w1 + x2*w2"
    n.label, o.label = "n", "o"
    return o


x1, x2 = Value(2.0, label="x1"), Value(0.0, label="x2")
w1, w2 = Value(-3.0, label="w1"), Value(1.0, label="w2")
b = Value(6.8813735870195432, label="b")
leaves = x1, w1, x2, w2, b
o = neuron(*leaves)

for node in graph(o):
    print(f"   {node.label:13} = {node.data:8.4f}   {node.op.name if node.op else 'given'}")

print("""
2. Backward: how much does o change, for each unit that a number is raised?
""")

o.backward()
for leaf in leaves:
    print(f"   do/d{leaf.label:2} = {leaf.grad:+.4f}")

print("""
3. By hand, from the end to the beginning. tanh hands on 1 - o**2 of what it
   receives. A sum hands on all of it, to both. A product hands on what it
   receives times the other factor: to w1 times x1, to x1 times w1.
""")

dn = 1 - o.data**2
print(f"   do/dn  = 1 - {o.data:.4f}**2 = {dn:.4f}, and so it is for both sums and both products")
print(f"   do/dw1 = {dn:.4f} * x1 = {dn * x1.data:+.4f}")
print(f"   do/dx1 = {dn:.4f} * w1 = {dn * w1.data:+.4f}")
print(f"   do/dw2 = {dn:.4f} * x2 = {dn * x2.data:+.4f}: with this input, w2 has no say")

print("""
4. A gradient is a promise about small changes. Raise each number by 0.001,
   compute the neuron again without any graph, and see.
""")


def plain(x1, w1, x2, w2, b):
    return math.tanh(x1 * w1 + x2 * w2 + b)


numbers = [leaf.data for leaf in leaves]
for i, leaf in enumerate(leaves):
    raised = [x + 0.001 * (i == j) for j, x in enumerate(numbers)]
    change = plain(*raised) - plain(*numbers)
    print(
        f"   {leaf.label:2} raised: o changes by {change:+.6f}, promised {0.001 * leaf.grad:+.6f}"
    )

print("""
5. Nothing hangs on where the lines are drawn. tanh can be one node, or the
   five that its formula (e**(2n) - 1) / (e**(2n) + 1) has: the chain rule
   gives the same.
""")

n = next(node for node in graph(o) if node.label == "n")
n_again = Value(n.data)
e = exp(2 * n_again)
((e - 1) / (e + 1)).backward()
print(f"   one node {dn:.12f}, its formula {n_again.grad:.12f}")

print("""
6. And learning? Each weight and the bias go a little the way that raises o,
   the steeper the further. The inputs stay: they are what the world says.
""")

learned = {p: p.data + 0.1 * p.grad for p in (w1, w2, b)}
moved = plain(*[learned.get(leaf, leaf.data) for leaf in leaves])
print(f"   o was {o.data:.4f}, and is {moved:.4f} with w1 = {learned[w1]:g}, b = {learned[b]:.4f}")

print("""
7. All of this as a page to step through: forward node by node, then backward
   arrow by arrow, beside the lines of the function above. Change a number
   there, and everything is computed again.
""")

print(f"   wrote {explain(neuron, *numbers, path=OUT / 'neuron.html').path}")

print(
    f"\nAnswer: a weighed sum, bent: {o.data:.4f}. Its slope is {w1.grad:+.1f} in w1, {x1.grad:+.1f} in "
    f"x1, and {w2.grad:.0f} in w2, as x2 is 0."
)
