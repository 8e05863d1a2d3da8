"""How does a multi-layer perceptron learn by backpropagation, and what has it learned then?

Input forward, error, error backward, weights adjusted, repeated until the error stops falling. One
straight line could not tell the Chinstraps from the others (demos.lms); several neurons can.
"""

from autograd import Value, draw, explain, no_grad, softmax
from autograd.engine import graph
from demos import begin
from demos.penguins import SPECIES, read, split, standardiser
from demos.plots import draw_losses, draw_regions
from nn import MLP, Adam, cross_entropy, fit

OUT = begin(__doc__)

print("""
1. The data: 342 penguins of three species, two measurements each. Three
   groups: one to learn from, one to tell when to stop, and one held out, which
   is asked once, at the end. Measurements are counted in standard deviations
   from the mean of the first group.
""")

penguins, left_out = read()
learned, watched, held_out = split(penguins, 0.6, 0.2, seed=7)
scaled = standardiser([p.bill for p in learned])


def inputs(group):
    return [scaled(p.bill) for p in group]


def targets(group):
    return [SPECIES.index(p.species) for p in group]


print(f"   {left_out} penguins without bill measurements are left out")
print(f"   {len(learned)} to learn from, {len(watched)} to watch, {len(held_out)} held out")

print("""
2. The model: 2 inputs, 8 neurons that compute tanh(w1*x1 + w2*x2 + b), and 3
   linear ones on top that give a score to each species. The highest score is
   the answer. Untrained, it guesses.
""")

model = MLP(2, [8, 3], activation="tanh", init="glorot", rng=7)


def scores(bill):
    with no_grad():
        return dict(zip(SPECIES, [score.data for score in model(scaled(bill))]))


def answer(bill):
    at = scores(bill)
    return max(at, key=at.get)


def count_right(group):
    return sum(answer(p.bill) == p.species for p in group)


print(f"   {len(model.parameters())} parameters; right: {count_right(learned)} of {len(learned)}")

print("""
3. One round of learning, in slow motion, on one penguin. Its loss is -log of
   the probability that softmax makes of the right species' score. Backward
   gives the gradient for all parameters at once; one of them is checked by
   changing it a little.
""")

penguin = learned[0]
x, target = scaled(penguin.bill), SPECIES.index(penguin.species)


def loss_of_this_penguin():
    return cross_entropy(model(x), target)


loss = loss_of_this_penguin()  # input forward, error
loss.backward()  # error backward
weight = model.layers[0].neurons[0].w[0]
gradient = weight.grad

h = 1e-6
weight.data += h
above = loss_of_this_penguin().data
weight.data -= 2 * h
below = loss_of_this_penguin().data
weight.data += h

print(f"   its species: {penguin.species}")
print(f"   loss {loss.data:.4f}, the last of {len(graph(loss))} Values")
print(f"   gradient of {weight.label}")
print(f"      by backward     {gradient:+.6f}")
print(f"      by difference   {(above - below) / (2 * h):+.6f}")

for p in model.parameters():  # weights adjusted
    p.data -= 0.1 * p.grad
print(f"   after one step against the gradient: loss {loss_of_this_penguin().data:.4f}")

print("""
4. The same for all penguins, 16 at a time, over and over, until the error on
   the watched ones has not fallen for 20 passes. fit then puts back the
   weights of the best pass.
""")

history = fit(
    model,
    inputs(learned),
    targets(learned),
    loss="cross_entropy",
    optimizer=lambda parameters: Adam(parameters, lr=0.01),
    epochs=500,
    batch_size=16,
    rng=7,
    validation=(inputs(watched), targets(watched)),
    tol=1e-3,
    patience=20,
    keep_steps=True,
)
best = history.best_epoch
print(f"   {len(history.loss) - 1} passes; ended because: {history.stopped}")
print(f"   kept pass {best}; loss of the learned {history.loss[best]:.4f}, of the watched ", end="")
print(f"{history.watched[best]:.4f}")

losses = {"penguins learned from": history.loss, "penguins watched": history.watched}
title = "The error falls, until it stops falling"
print(f"   wrote {draw_losses(OUT / 'mlp-loss.png', title, losses, best)}")

print("""
5. The penguins it has never seen: what they are (rows), what it says
   (columns). The split matters: over 20 of them, seeds 0 to 19, from 88% to
   99% were right, 96% on average.
""")

print("   " + " " * 10 + "".join(f"{name:>11}" for name in SPECIES))
for species in SPECIES:
    said = [answer(p.bill) for p in held_out if p.species == species]
    print(f"   {species:10}" + "".join(f"{said.count(name):11}" for name in SPECIES))

right = count_right(held_out)
chinstraps = sum((answer(p.bill) == "Chinstrap") == (p.species == "Chinstrap") for p in held_out)
print(f"\n   right: {right} of {len(held_out)}, {right / len(held_out):.1%}")
print(f"   Chinstrap or not: {chinstraps / len(held_out):.1%}; the line of demos.lms: 88.4%")

print("""
6. Where one answer ends and the next begins: the boundary that no single line
   could be. Three straight pieces nearly could: MLP(2, [3]), without the eight
   neurons, knows 66 penguins too. With them the boundary can bend, if it helps.
""")

title = "The answers of a multi-layer perceptron, 2-8-3"
file = OUT / "mlp-boundary.png"
print(f"   wrote {draw_regions(file, title, learned + watched, held_out, scores)}")

print("""
7. Inside: the graph of one of the eight neurons, as the first held-out penguin
   passes through it.
""")

penguin = held_out[0]
length, depth = scaled(penguin.bill)
x = [Value(length, label="scaled length"), Value(depth, label="scaled depth")]
output = model.layers[0].neurons[0](x)
output.label = "output"
output.backward()
print(f"   wrote {draw(output).render(outfile=OUT / 'mlp-neuron.svg')}")

probabilities = zip(SPECIES, softmax(list(scores(penguin.bill).values())))
said = ", ".join(f"{name} {p:.1%}" for name, p in probabilities)
print(f"   its species: {penguin.species}; the whole model says {said}")

print("""
8. And the training to be watched, as a page: forty of the penguins it learned
   from, one card a layer, to be unfolded; and the weights, the loss, and the
   boundary after every pass, side by side.
""")

page = explain(
    model,
    inputs(learned[:40]),
    targets(learned[:40]),
    loss="cross_entropy",
    history=history,
    names=["scaled length", "scaled depth"],
    classes=SPECIES,
    path=OUT / "mlp.html",
)
print(f"   wrote {page.path}")

print(
    f"\nAnswer: by sending the error back through the graph; it now knows "
    f"{right} of {len(held_out)} held-out penguins ({right / len(held_out):.1%})."
)
