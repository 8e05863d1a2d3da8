"""How does a linear perceptron learn from its errors, and where does it end?

The perceptron's output is w1*x1 + w2*x2 + b. The rule of least mean squares (LMS, Widrow & Hoff
1960) shows it one example after the other, and corrects every weight by the error that was made.
"""

import math

import numpy as np

from demos import begin
from demos.penguins import read, split, standardiser
from demos.plots import draw_regions
from nn import Perceptron, squared_error

OUT = begin(__doc__)

print("""
1. The data: penguins measured at Palmer Station, Antarctica. From length and
   depth of the bill, is it a Chinstrap (expected output +1) or an Adelie (-1)?
   A fifth of all penguins is held out, to be asked at the end. Measurements
   are counted in standard deviations from their mean.
""")

penguins, left_out = read()
learned, held_out = split(penguins, 0.8, seed=7)
two_species = [p for p in learned if p.species != "Gentoo"]
scaled = standardiser([p.bill for p in two_species])
X = [scaled(p.bill) for p in two_species]
y = [1.0 if p.species == "Chinstrap" else -1.0 for p in two_species]

print(f"   {len(penguins)} penguins; {left_out} more have no bill measurements and are left out")
print(f"   {len(X)} Adelies and Chinstraps to learn from")

print("""
2. One correction, by hand. All weights start at 0, so the output for the first
   penguin is 0. The learning rate is 0.005: big enough to be quick, small
   enough to settle.
""")

rate = 0.005
perceptron = Perceptron(2)
(x1, x2), expected = X[0], y[0]
output = perceptron(X[0]).data
error = output - expected
print(f"   input     {x1:.3f}, {x2:.3f}")
print(f"   error   = output - expected = {output:g} - ({expected:g}) = {error:g}")
print(f"   w1      = 0 - rate * error * x1 = {-rate * error * x1:+.6f}")
print(f"   w2      = 0 - rate * error * x2 = {-rate * error * x2:+.6f}")
print(f"   b       = 0 - rate * error      = {-rate * error:+.6f}")

perceptron.learn_lms(X[0], expected, rate)
w1, w2, b = perceptron.parameters()
print(f"   learn_lms gives                   {w1.data:+.6f}, {w2.data:+.6f}, {b.data:+.6f}")

print("""
3. Why this rule? It is gradient descent on E = 1/2 * error**2: the chain rule
   gives dE/dw = error * x.
""")

untrained = Perceptron(2)
squared_error(untrained(X[0]), expected).backward()
w1, w2, b = untrained.parameters()
print(f"   backward: dE/dw1 = {w1.grad:+.4f}, dE/dw2 = {w2.grad:+.4f}, dE/db = {b.grad:+.4f}")
print(f"   by hand:           {error * x1:+.4f},          {error * x2:+.4f},         {error:+.4f}")

print("""
4. Learning: one correction after the other, over and over, until the error
   stops falling.
""")


def mean_error(perceptron, X, y):
    return sum((perceptron(x).data - target) ** 2 / 2 for x, target in zip(X, y)) / len(X)


def learn(X, y):
    perceptron = Perceptron(2)
    errors = [mean_error(perceptron, X, y)]
    while len(errors) < 2 or errors[-1] < errors[-2] - 1e-6:
        for x, target in zip(X, y):
            perceptron.learn_lms(x, target, rate)
        errors.append(mean_error(perceptron, X, y))
    return perceptron, errors


perceptron, errors = learn(X, y)
for epoch in (0, 1, 2, 5, 10, len(errors) - 1):
    print(f"   after {epoch:3} passes over the penguins: mean error {errors[epoch]:.5f}")

print("""
5. How good is that? The least error that any weights can have is known: the
   normal equations give it.
""")

A = np.column_stack([X, np.ones(len(X))])
least = np.mean((A @ np.linalg.lstsq(A, y, rcond=None)[0] - y) ** 2) / 2
print(f"   LMS {errors[-1]:.5f}, least {least:.5f}: {100 * (errors[-1] / least - 1):.1f}% above")

print("""
6. Now the penguins it has never seen. An output above 0 counts as Chinstrap.
""")


def share_right(perceptron, penguins, scaled):
    right = [perceptron.fires(scaled(p.bill)) == (p.species == "Chinstrap") for p in penguins]
    return sum(right) / len(right)


two_held_out = [p for p in held_out if p.species != "Gentoo"]
two_right = share_right(perceptron, two_held_out, scaled)
print(f"   Chinstrap or Adelie: {two_right:.1%} of {len(two_held_out)} held-out penguins are right")


def scores(bill):
    output = perceptron(scaled(bill)).data
    return {"Adelie": -output, "Chinstrap": output}


file = OUT / "lms.png"
title = "The line that a linear perceptron found by LMS"
print(f"   wrote {draw_regions(file, title, two_species, two_held_out, scores)}")

print("""
7. A harder question: Chinstrap or not, with the Gentoos among the others. The
   same rule, the same two measurements; and beside it the best of all straight
   lines, found by trying them: 720 directions, and for each every place that
   differs.
""")

scaled_all = standardiser([p.bill for p in learned])
X = [scaled_all(p.bill) for p in learned]
y = [1.0 if p.species == "Chinstrap" else -1.0 for p in learned]
perceptron, errors = learn(X, y)
all_right = share_right(perceptron, held_out, scaled_all)


def best_share_along(angle):
    """The share right if everything beyond some place in this direction is called Chinstrap."""
    along = sorted((x1 * math.cos(angle) + x2 * math.sin(angle), t) for (x1, x2), t in zip(X, y))
    right = best = y.count(1.0)  # all are called Chinstrap
    for _, target in along:
        right -= target  # this one no longer
        best = max(best, right)
    return best / len(y)


best_line = max(best_share_along(2 * math.pi * k / 720) for k in range(720))
print(f"   LMS on the held-out penguins           {all_right:.1%} right")
share = share_right(perceptron, learned, scaled_all)
print(f"   LMS on those it learned from           {share:.1%}")
print(f"   the best straight line, on the same    {best_line:.1%}")
print(f"   'never a Chinstrap', on the same       {y.count(-1.0) / len(y):.1%}")

print(
    f"\nAnswer: by error * input, again and again; it ends {two_right:.1%} right, "
    f"but {all_right:.1%} where no line fits."
)
