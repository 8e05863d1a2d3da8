"""Why does backpropagation go through the graph in topological order?

On the way back from the output, nodes hand on their gradients one after the other, in some order.
Three algorithms of a few lines: two that come to mind and fail, each in its way, and a right one.
"""

from collections import deque

from autograd import Value, draw, explain
from autograd.engine import graph, local_partials
from demos import begin

OUT = begin(__doc__)

print("""
1. A small graph in which one number is used twice, and the two uses are not
   equally far from the output: a = x*x, b = a + 1, f = a*b. By hand: f = x**4
   + x**2, so df/dx = 4*x**3 + 2*x, which is 36 at x = 2.
""")


def small():
    x = Value(2.0, label="x")
    a = x * x
    b = a + 1.0
    f = a * b
    a.label, b.label, f.label = "a", "b", "f"
    return x, f


x, f = small()
print(f"   f = {f.data:g}")

print("""
2. First idea: breadth first. Start at the output, go to its inputs, then to
   theirs, each node once.
""")


def edges(node):
    """The inputs of a node that are Values, each with its local derivative."""
    pairs = zip(node.inputs, local_partials(node))
    return [(x, partial) for x, partial in pairs if isinstance(x, Value)]


def breadth_first(output):
    grads, visits, waiting = {output: 1.0}, 0, deque([output])
    while waiting:
        node = waiting.popleft()
        visits += 1
        for x, partial in edges(node):
            if x not in grads:
                grads[x] = 0.0
                waiting.append(x)
            grads[x] += partial * grads[node]
    return grads, visits


grads, visits = breadth_first(f)
print(f"   df/dx = {grads[x]:g} after {visits} visits. Wrong!")
print("   a was visited before b: it handed on its 5, times 4. The 4 from b came too late.")
wrong = grads[x]

print("""
3. Second idea: nothing comes too late if every contribution is sent on at
   once, all the way down.
""")


def path_by_path(output):
    grads, visits, waiting = {}, 0, [(output, 1.0)]
    while waiting:
        node, arriving = waiting.pop()
        visits += 1
        grads[node] = grads.get(node, 0.0) + arriving
        for x, partial in edges(node):
            waiting.append((x, partial * arriving))
    return grads, visits


grads, visits = path_by_path(f)
print(f"   df/dx = {grads[x]:g} after {visits} visits. Right, but for {len(graph(f))} nodes:")
print("   a and x were visited once for every path that leads there.")

print("""
4. Third idea: visit a node when all of its users have been visited; then
   everything has arrived. An order with that property is called topological.
   The order in which numbers were computed has it: nothing is computed before
   its inputs. So: newest first.
""")


def topological(output):
    grads, visits = {output: 1.0}, 0
    for node in reversed(graph(output)):
        visits += 1
        for x, partial in edges(node):
            grads[x] = grads.get(x, 0.0) + partial * grads[node]
    return grads, visits


grads, visits = topological(f)
print(f"   df/dx = {grads[x]:g} after {visits} visits, one a node")
f.backward()
print(f"   backward() of the engine: {x.grad:g}")

h = 1e-6
plain = [(2.0 + s) ** 4 + (2.0 + s) ** 2 for s in (h, -h)]
print(f"   by finite differences:    {(plain[0] - plain[1]) / (2 * h):.6f}")

print("""
5. How bad is path by path? Double a number n times, each time as x + x: two
   edges a step, so 2**n paths.
""")


def doubled(n):
    x = y = Value(1.0)
    for _ in range(n):
        y = y + y
    return x, y


print(f"   {'n':>6} {'gradient':>10} {'path by path':>14} {'topological':>12}   (visits)")
for n in (4, 8, 12, 16):
    x_n, y_n = doubled(n)
    slow, many = path_by_path(y_n)
    fast, few = topological(y_n)
    assert slow[x_n] == fast[x_n] == 2.0**n
    print(f"   {n:6} {fast[x_n]:10g} {many:14,} {few:12,}")

x_n, y_n = doubled(1000)
fast, few = topological(y_n)
assert fast[x_n] == 2.0**1000
print(f"   {1000:6} {fast[x_n]:10.3g} {'2**1001 - 1':>14} {few:12,}")
print("   2**1001 visits would outlast the universe; 1001 are done in a millisecond or so.")

print("""
6. The small graph as a picture, and as a page that takes the way back arrow by
   arrow. a is used twice: what both uses send back is added up there, 4 and 5,
   before the sum goes on to x. No card hands on what may still grow.
""")

print(f"   wrote {draw(f).render(outfile=OUT / 'topological.svg')}")
print(f"   wrote {explain(f, OUT / 'topological.html').path}")

print(
    f"\nAnswer: so that a node hands on all of its gradient, once: {x.grad:g}, not {wrong:g}; "
    f"17 visits, not {many:,}."
)
