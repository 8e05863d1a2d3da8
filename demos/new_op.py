"""How is a new operation added in five lines, and what does it get for them?

The operation is the pseudo-Huber loss, sqrt(1 + x**2) - 1: like x**2/2 near 0, like |x| far away,
so that outliers do not rule.
"""

import math

from autograd import Value, draw, grad, gradcheck, op
from demos import begin
from nn import Perceptron

OUT = begin(__doc__)

print("""
1. As it stands, the formula loses all digits near 0: the 1 swallows x**2. As a
   fraction it does not: sqrt(1 + x**2) - 1 = x**2 / (1 + sqrt(1 + x**2)). That
   is declared in four lines. xp is where functions come from: those of floats
   or those of Values, so that one formula serves both.
""")


@op
def pseudo_huber(xp, x):
    """sqrt(1 + x**2) - 1, right to the last digits for any x."""
    return x * (x / (1.0 + xp.hypot(1.0, x)))


for x in (1e-9, 1.0, 1000.0):
    print(f"   at {x:5g}: {pseudo_huber(x):.10g}, as it stands {math.sqrt(1.0 + x**2) - 1.0:.10g}")

print("""
2. On plain numbers it works already. On Values it does not yet: it has to say
   how it is differentiated, and the error says how to say it.
""")

try:
    pseudo_huber(Value(1.0))
except NotImplementedError as error:
    print("\n".join(f"   | {line}" for line in str(error).splitlines()))

print("""
3. Like that, or in one line, the fifth: one local derivative for each input.
""")

pseudo_huber.partials(lambda xp, y, x: (x / xp.hypot(1.0, x),))

x = Value(0.75, label="x")
y = pseudo_huber(x)
y.backward()
print(f"   at x = 0.75: {y.data:g}, derivative {x.grad:g}; by hand 5/4 - 1 and 3/5")

print("""
4. Checked: gradcheck compares it with finite differences, here up to the third
   derivative.
""")

for point in (-20.0, -0.3, 0.0, 2.0):
    print(f"   at {point:4g}: {gradcheck(pseudo_huber, [point], order=3)}")

print("""
   And had it been wrong? A twin whose derivative is tanh(x), which looks much
   the same:
""")


@op
def twin(xp, x):
    return pseudo_huber.forward(xp, x)


twin.partials(lambda xp, y, x: (xp.tanh(x),))
try:
    gradcheck(twin, [0.75])
except AssertionError as error:
    print(f"   {error}")

print("""
5. Differentiated twice, and once more: nobody declared that, it follows from
   the fifth line. By hand the second derivative is (1 + x**2)**(-3/2), the
   third -3*x*(1 + x**2)**(-5/2).
""")

second = grad(grad(pseudo_huber))
third = grad(second)
for x in (-2.0, 0.25, 0.75):
    print(f"   second at {x:5}: {second(x):+.12f}, by hand {(1 + x * x) ** -1.5:+.12f}")
    print(f"   third  at {x:5}: {third(x):+.12f}, by hand {-3 * x * (1 + x * x) ** -2.5:+.12f}")

print("""
6. Used like any other op: as the loss of a linear perceptron. Nine points on
   the line 2*x + 1, but one was noted down as 13 in place of 3. The squared
   error gives in to it, the new loss much less.
""")

points = [(x / 2, x + 1.0) for x in range(-4, 5)]
points[6] = (1.0, 13.0)


def fitted(loss):
    line = Perceptron(1)
    for _ in range(1000):
        total = sum(loss(line([x]) - target) for x, target in points)
        line.zero_grad()
        total.backward()
        for p in line.parameters():
            p.data -= 0.1 * p.grad
    return [p.data for p in line.parameters()]


slope, offset = fitted(lambda error: error**2 / 2)
print(f"   squared error: {slope:.2f} * x + {offset:.2f}")
slope, offset = fitted(pseudo_huber)
print(f"   pseudo_huber:  {slope:.2f} * x + {offset:.2f}")

print("""
7. Drawn: the op has its name in the picture, and its derivative on the arrow
   that leads to it.
""")

w, x, target = Value(0.5, label="w"), Value(2.0, label="x"), Value(1.75, label="target")
error = w * x - target
error.label = "error"
loss = pseudo_huber(error)
loss.label = "loss"
loss.backward()
print(f"   wrote {draw(loss).render(outfile=OUT / 'new-op.svg')}")

print(
    f"\nAnswer: by its formula and its derivative; it gets a check, a picture, and a second "
    f"derivative: {second(0.75):.3f} at 3/4."
)
