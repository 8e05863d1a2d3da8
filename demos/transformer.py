"""How does a transformer, written number by number in plain Python, learn to make up names?

It is a small GPT after Andrej Karpathy's microgpt: one layer, 16 numbers for every letter, 4 heads,
4,064 parameters. As Python it would learn for a quarter of an hour; compiled, it takes seconds.
"""

import math
import random
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from autograd import Value, jit, log, relu, softmax, where
from autograd.engine import graph
from demos import begin

begin(__doc__)

print("""
1. The data: first names. A letter is a token, a number from 0 to 25; the token
   26 begins a name, and ends it. Names of 4 to 7 letters, one in twenty of
   them held out, to be asked at the end.
""")

LETTERS = "abcdefghijklmnopqrstuvwxyz"
END = len(LETTERS)
LONGEST = 7

file = Path(__file__).parent / "data" / "names.txt"
names = [name for name in file.read_text(encoding="utf-8").split() if 4 <= len(name) <= LONGEST]
chance = random.Random(1)
chance.shuffle(names)
held_out, learned = names[: len(names) // 20], names[len(names) // 20 :]


def tokens_of(name):
    return [END, *(LETTERS.index(letter) for letter in name), END]


print(f"   {len(learned)} names to learn from, {len(held_out)} held out")
print(f"   {learned[0]}: {tokens_of(learned[0])}")

print("""
2. The parameters: tables of numbers, drawn at random. Each token and each
   place in a name has a row of 16; the others are what neurons weigh with.
""")

WIDTH, HEADS, HIDDEN = 16, 4, 64
SHAPES = {
    "token": (END + 1, WIDTH),  # what a letter is
    "place": (LONGEST + 1, WIDTH),  # where it stands
    "query": (WIDTH, WIDTH),  # what is looked for,
    "key": (WIDTH, WIDTH),  # by what it is found,
    "value": (WIDTH, WIDTH),  # what is handed over then,
    "mix": (WIDTH, WIDTH),  # and what all heads have found
    "up": (HIDDEN, WIDTH),  # a layer of neurons,
    "down": (WIDTH, HIDDEN),  # and one on top
    "score": (END + 1, WIDTH),  # how likely each token is to come next
}
count = sum(rows * columns for rows, columns in SHAPES.values())
flat = np.random.default_rng(1).normal(0.0, 0.08, count)  # all of them in a row ...
ends = np.cumsum([rows * columns for rows, columns in SHAPES.values()])
parts = np.split(flat, ends[:-1])
tables = {name: part.reshape(SHAPES[name]) for name, part in zip(SHAPES, parts)}  # ... as tables

print(f"   {count:,} parameters in {len(tables)} tables")

print("""
3. The model reads a token and gives a score to every token that may come next.
   All is done number by number: no matrix product, no array. Of the tokens
   before, it keeps keys and values; attention weighs them. The loss of a name
   is the mean of -log(chance), over the chances that it gave to what came.
""")


def linear(x, table):
    return [sum(w * xi for w, xi in zip(row, x)) for row in table]


def normed(x):
    scale = (sum(xi * xi for xi in x) / len(x) + 1e-5) ** -0.5
    return [xi * scale for xi in x]


def attend(query, keys, values, part):
    scores = [sum(query[j] * key[j] for j in part) / len(part) ** 0.5 for key in keys]
    weights = softmax(scores)
    return [sum(w * value[j] for w, value in zip(weights, values)) for j in part]


def next_scores(tables, token, place, keys, values):
    x = normed([a + b for a, b in zip(tables["token"][token], tables["place"][place])])
    inside = normed(x)
    query = linear(inside, tables["query"])
    keys.append(linear(inside, tables["key"]))
    values.append(linear(inside, tables["value"]))
    found = []
    for start in range(0, WIDTH, WIDTH // HEADS):
        found += attend(query, keys, values, range(start, start + WIDTH // HEADS))
    x = [a + b for a, b in zip(linear(found, tables["mix"]), x)]
    hidden = [relu(h) for h in linear(normed(x), tables["up"])]
    x = [a + b for a, b in zip(linear(hidden, tables["down"]), x)]
    return linear(x, tables["score"])


def loss(tables, tokens):
    keys, values, total = [], [], 0.0
    for place in range(len(tokens) - 1):
        chances = softmax(next_scores(tables, tokens[place], place, keys, values))
        came = tokens[place + 1]
        total -= log(sum(where(came == i, chance, 0.0) for i, chance in enumerate(chances)))
    return total / (len(tokens) - 1)


def plain(tables):
    return {name: table.tolist() for name, table in tables.items()}


def mean_loss(names):
    numbers = plain(tables)  # on plain numbers it runs, too
    return sum(loss(numbers, tokens_of(name)) for name in names) / len(names)


example = next(name for name in learned if len(name) == 6)
tokens = tokens_of(example)
of_values = {name: [list(map(Value, row)) for row in plain(tables)[name]] for name in tables}
print(f"   the loss of {example} is a graph of {len(graph(loss(of_values, tokens))):,} Values")

untrained = mean_loss(held_out)
print(f"   mean loss of the names held out {untrained:.2f}; a guess among 27 has log(27) ", end="")
print(f"= {math.log(27):.2f}")

print("""
4. One step of learning needs the gradient. In Python that is slow; @jit makes
   machine code of the very same function, and it gives the very same bits.
""")

start = time.perf_counter()
expected = loss(of_values, tokens)
expected.backward()
slow = time.perf_counter() - start

compiled = jit(loss)  # or @jit, above the function
start = time.perf_counter()
got, gradient = compiled.value_and_grad(tables, tokens)
ready = time.perf_counter() - start

times = []
for _ in range(101):
    start = time.perf_counter()
    compiled.value_and_grad(tables, tokens)
    times.append(time.perf_counter() - start)
quick = sorted(times)[50]

by_backward = {name: [[p.grad for p in row] for row in of_values[name]] for name in tables}
same = got == expected.data
same = same and all(np.array_equal(gradient[name], by_backward[name]) for name in tables)
print(f"   as Python    {1e6 * slow:10,.0f} microseconds")
print(f"   compiled     {1e6 * quick:10,.0f} microseconds, once it is ready, after {ready:.1f} s")
print(f"   loss and all {count:,} derivatives equal to the last bit: {same}")

print("""
5. Learning: one name after the other, five times through all of them, by Adam.
   A name of another length is another program: four lengths, four programs.
""")

EPOCHS, RATE = 5, 0.01
steps = EPOCHS * len(learned)
mean, square = np.zeros(count), np.zeros(count)  # Adam's running means of gradients, of squares
lately = None
start = time.perf_counter()
with tqdm(total=steps, desc="learn", unit="name") as bar:
    for step in range(1, steps + 1):
        name = learned[step % len(learned)]
        error, gradient = compiled.value_and_grad(tables, tokens_of(name))
        g = np.concatenate([gradient[name].ravel() for name in tables])
        mean += 0.15 * (g - mean)
        square += 0.01 * (g * g - square)
        rate = RATE * (1.0 - step / steps)
        flat -= rate * (mean / (1 - 0.85**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        lately = error if lately is None else lately + 0.001 * (error - lately)
        bar.update()
        if step % 500 == 0:
            bar.set_postfix(loss=f"{lately:.2f}")
took = time.perf_counter() - start

print(
    f"   {steps:,} steps in {took:.0f} s; as Python they would take {steps * slow / 60:.0f} minutes"
)

print("""
6. The names that it has never seen: how sure is it of their letters now?
""")

trained = mean_loss(held_out)
print(
    f"   mean loss {trained:.2f}, it was {untrained:.2f}: to the letter that comes it gives ",
    end="",
)
print(f"1 chance in {math.exp(trained):.1f}")

print("""
7. Names of its own: beginning with the token that begins a name, a next one is
   drawn by its chances, as they stand or a little sharpened, until the name
   ends.
""")


def make_up(numbers):
    name, token, keys, values = "", END, [], []
    while len(name) < LONGEST:
        scores = next_scores(numbers, token, len(name), keys, values)
        token = chance.choices(range(END + 1), softmax([1.5 * score for score in scores]))[0]
        if token == END:
            break
        name += LETTERS[token]
    return name


numbers = plain(tables)
made = [make_up(numbers) for _ in range(40)]
known = set(names)
for i in range(0, len(made), 5):
    shown = [name if name not in known else f"({name})" for name in made[i : i + 5]]
    print("   " + "".join(f"{name:12}" for name in shown).rstrip())
print("   in brackets: those that there are")

print(
    f"\nAnswer: a letter at a time, from those before; to the next letter of an unseen name it now "
    f"gives 1 chance in {math.exp(trained):.0f}."
)
