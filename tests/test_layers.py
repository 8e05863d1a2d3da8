"""Perceptron, Neuron, Layer, MLP: what they compute, how they start, how they learn."""

import functools
import math
import random
import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import OPS, Value, op, tanh
from autograd.engine import graph
from nn import MLP, SGD, Layer, Module, Neuron, Perceptron, squared_error

numbers = st.floats(-100, 100)


# ---- micrograd's surface ----


def test_micrograds_model_and_arguments():
    model = MLP(2, [16, 16, 1])
    assert isinstance(model, Module)
    assert len(model.parameters()) == 337
    assert isinstance(model([1.0, -2.0]), Value)
    assert [
        n.activation is None for n in (Neuron(2), Neuron(2, False), Neuron(2, nonlin=False))
    ] == [*(False, True, True)]
    assert isinstance(Layer(2, 1, nonlin=False)([1.0, 2.0]), Value)
    assert len(Layer(2, 3)([1.0, 2.0])) == 3


def test_micrograds_demo_trains_to_micrograds_figures():
    """Its moons notebook on 20 points; the figures are those of micrograd 0.1.0."""
    random.seed(1337)
    angles = [math.pi * i / 9 for i in range(10)]
    X = [[math.cos(t), math.sin(t)] for t in angles]
    X += [[1 - math.cos(t), 0.5 - math.sin(t)] for t in angles]
    y = [-1] * 10 + [1] * 10
    model = MLP(2, [16, 16, 1])
    totals = []
    for k in range(20):
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = 1e-4 * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        model.zero_grad()
        total_loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad
        totals.append(total_loss.data)
    assert [totals[k] for k in (0, 1, 5, 10, 19)] == pytest.approx(
        [
            *(0.907348411565892, 1.6557411550266985, 0.40517407250570026),
            *(0.29140118680623917, 0.20978302367567186),
        ],
        rel=1e-12,
    )
    assert sum(p.data for p in model.parameters()) == pytest.approx(-9.259735098714513, rel=1e-12)


def test_initialisation_draws_as_micrograd_does():
    random.seed(1337)
    model = MLP(2, [3, 2, 1])
    random.seed(1337)
    for layer in model.layers:
        for neuron in layer.neurons:
            assert [w.data for w in neuron.w] == [random.uniform(-1, 1) for _ in neuron.w]
            assert neuron.b.data == 0.0


def test_parameters_are_in_micrograds_order():
    model = MLP(2, [2, 1])
    expected = [p for layer in model.layers for n in layer.neurons for p in (*n.w, n.b)]
    assert [id(p) for p in model.parameters()] == [id(p) for p in expected]
    assert [p.label for p in model.parameters()] == [
        *("layers.0.neurons.0.w1", "layers.0.neurons.0.w2", "layers.0.neurons.0.b"),
        *("layers.0.neurons.1.w1", "layers.0.neurons.1.w2", "layers.0.neurons.1.b"),
        *("layers.1.neurons.0.w1", "layers.1.neurons.0.w2", "layers.1.neurons.0.b"),
    ]


def test_a_lone_neurons_parameters_have_short_names():
    assert [p.label for p in Neuron(3).parameters()] == ["w1", "w2", "w3", "b"]
    assert [p.label for p in Perceptron(1).parameters()] == ["w1", "b"]


def test_an_attribute_added_by_a_subclass_is_a_parameter():
    class Gained(Neuron):
        def __init__(self, nin):
            super().__init__(nin)
            self.gain = Value(2.0)

        def __call__(self, x):
            return self.gain * super().__call__(x)

    assert [name for name, _ in Gained(1).named_parameters()] == ["w1", "b", "gain"]
    assert repr(Gained(1)) == "ReLUGained(1)"


# ---- what they compute ----


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5), numbers)
def test_a_neuron_adds_from_left_to_right_starting_with_the_bias(pairs, bias):
    neuron = Neuron(len(pairs), activation="linear")
    for w, (data, _) in zip(neuron.w, pairs):
        w.data = data
    neuron.b.data = expected = bias
    for w, x in pairs:
        expected += w * x
    assert neuron([x for _, x in pairs]).data == expected


def test_a_neurons_graph_is_its_formula():
    x = [Value(3.0, label="x1"), Value(5.0, label="x2")]
    made = graph(Neuron(2, activation="tanh")(x))
    made_by = [(v.op.name, [i.label for i in v.inputs]) for v in made if v.op]
    assert made_by == [
        ("mul", ["w1", "x1"]),
        ("add", ["b", ""]),
        ("mul", ["w2", "x2"]),
        ("add", ["", ""]),
        ("tanh", [""]),
    ]


def test_an_mlp_computes_what_numpy_computes():
    model, x = MLP(3, [5, 4, 2], activation="tanh", rng=0), np.array([0.5, -1.0, 2.0])
    h = x
    for i, layer in enumerate(model.layers):
        w = np.array([[p.data for p in n.w] for n in layer.neurons])
        for neuron in layer.neurons:
            neuron.b.data = 0.25
        h = w @ h + 0.25
        if i < 2:
            h = np.tanh(h)
    assert [y.data for y in model(x)] == pytest.approx(h, rel=1e-12)


def test_hidden_layers_of_one_neuron_work():
    assert isinstance(MLP(1, [1, 1, 1])(2.0), Value)


@pytest.mark.parametrize(
    "x",
    [
        [1.0, 2.0],
        (1, 2),
        np.array([1, 2]),
        np.array([1.0, 2.0], dtype=np.float32),
        pd.Series({"a": 1.0, "b": 2.0}),
        [Value(1.0), Value(2.0)],
        (x for x in (1.0, 2.0)),
        {1.0: "a", 2.0: "b"}.keys(),
    ],
)
def test_inputs_may_be_any_sequence_of_numbers(x):
    model = MLP(2, [2, 1], rng=0)
    assert model(x).data == model([1.0, 2.0]).data


@pytest.mark.parametrize("module", [MLP(2, [3, 1]), Layer(2, 3), Neuron(2), Perceptron(2)])
@pytest.mark.parametrize(
    ("x", "got"),
    [
        ([1.0, 2.0, 3.0], "3"),
        ([], "0"),
        (1.0, "1"),
        (Value(1.0), "1"),
        (np.ones((100, 2)), "100"),
        (np.ones((2, 2)), "2 of type ndarray"),
        ([[1.0, 2.0], [3.0, 4.0]], "2 of type list"),
    ],
)
def test_a_wrong_number_of_inputs_is_named(module, x, got):
    name = type(module).__name__
    with pytest.raises(ValueError, match=rf"{name}: expected 2 inputs, got {got}; .*nin=2"):
        module(x)


@pytest.mark.parametrize("module", [MLP(2, [3, 1]), Layer(2, 3), Neuron(2)])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (pd.DataFrame({"a": [1.0], "b": [3.0]}), r"a DataFrame; .* X.to_numpy\(\)"),
        ({"a": 1.0, "b": 2.0}, r"a dict; give its numbers in a list"),
        ({1.0, 2.0}, r"a set; give its numbers in a list"),
    ],
)
def test_what_would_be_taken_by_its_keys_or_in_no_order_is_refused(module, x, message):
    name = type(module).__name__
    with pytest.raises(TypeError, match=rf"{name}: expected a sequence of 2 inputs, got {message}"):
        module(x)


# ---- activations ----


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.least == 1])
def test_any_op_of_one_input_is_an_activation(name):
    neuron = Neuron(1, activation=name)
    neuron.w[0].data, neuron.b.data = 1.0, 0.25
    assert str(neuron([0.5]).data) == str(OPS[name](0.75))  # as text: nan too


def test_an_activation_may_be_a_function_an_op_or_the_users_own_op_by_name():
    @op
    def test_layers_cube(xp, x):
        return x * x * x

    @test_layers_cube.partials
    def _(xp, y, x):
        return (3.0 * x * x,)

    for activation in (lambda v: v * v * v, test_layers_cube, "test_layers_cube"):
        neuron = Neuron(1, activation=activation, rng=0)
        y = neuron([2.0])
        y.backward()
        w = neuron.w[0].data
        assert y.data == (2 * w) ** 3
        assert neuron.b.grad == pytest.approx(3 * (2 * w) ** 2, rel=1e-15)
    del OPS["test_layers_cube"]


def test_only_the_last_layer_of_an_mlp_is_linear():
    model = MLP(2, [3, 3, 1], activation=tanh)
    assert [layer.neurons[0].activation for layer in model.layers] == [tanh, tanh, None]


@pytest.mark.parametrize(
    ("activation", "error", "message"),
    [
        ("Relu", ValueError, r"got 'Relu'; did you mean 'relu'"),
        ("tahn", ValueError, r"did you mean .*'tanh'"),
        ("hypot", ValueError, r"an op of one input, got 'hypot'"),
        ("sum", ValueError, r"got 'sum'"),
        ("zzzzzz", ValueError, r"got 'zzzzzz'; as 'relu' or 'tanh'"),
        (3, TypeError, r"expected a name or a function, got 3"),
    ],
)
def test_an_unknown_activation_is_an_error_that_names_close_ones(activation, error, message):
    with pytest.raises(error, match=message):
        MLP(2, [2, 1], activation=activation)


@pytest.mark.parametrize(
    ("activation", "shown"),
    [
        ("relu", "ReLUNeuron(2)"),
        ("leaky_relu", "LeakyReLUNeuron(2)"),
        ("linear", "LinearNeuron(2)"),
        (None, "LinearNeuron(2)"),
        (lambda v: v, "LambdaNeuron(2)"),
        (functools.partial(max, 0.0), "PartialNeuron(2)"),
    ],
)
def test_repr_says_the_activation(activation, shown):
    assert repr(Neuron(2, activation=activation)) == shown


def test_repr_of_the_others():
    assert repr(Perceptron(2)) == "Perceptron(2)"
    model = MLP(2, [2, 1])
    model.layers[0].neurons[1] = Neuron(2, activation="tanh")
    assert repr(model) == (
        "MLP of [Layer of [ReLUNeuron(2), TanhNeuron(2)], Layer of [LinearNeuron(2)]]"
    )


# ---- initialisation ----


def weights(model):
    return [p.data for name, p in model.named_parameters() if not name.endswith("b")]


def test_a_seed_decides_and_layers_differ():
    a, b, c = (MLP(2, [2, 2, 1], rng=rng) for rng in (0, random.Random(0), 1))
    assert weights(a) == weights(b) != weights(c)
    assert len(set(weights(a))) == len(weights(a))
    state = random.getstate()
    MLP(2, [2, 1], rng=0)
    assert random.getstate() == state


def test_numpys_generators_and_integers_are_random_sources():
    assert weights(MLP(2, [2], rng=np.int64(3))) == weights(MLP(2, [2], rng=3))
    assert len(set(weights(MLP(2, [2], rng=np.random.default_rng(0))))) == 4


@pytest.mark.parametrize(
    ("init", "half_width"),
    [
        ("uniform", 1.0),
        ("glorot", math.sqrt(6 / (50 + 100))),
        ("he", math.sqrt(6 / 50)),
        (0.5, 0.5),
        (0, 0.0),
    ],
)
def test_weights_are_uniform_within_the_stated_bounds_and_biases_zero(init, half_width):
    layer = Layer(50, 100, init=init, rng=0)
    w = weights(layer)
    assert max(map(abs, w)) <= half_width
    assert max(map(abs, w)) >= 0.999 * half_width  # 5,000 draws
    # The variance of a uniform is a²/3; over 5,000 draws its standard error is 1.3%.
    assert statistics.pvariance(w) == pytest.approx(half_width**2 / 3, rel=0.06)
    assert [n.b.data for n in layer.neurons] == [0.0] * 100


@pytest.mark.parametrize(
    ("init", "half_width"), [("uniform", 1.0), ("glorot", math.sqrt(6 / 3)), ("he", math.sqrt(3))]
)
def test_a_lone_neuron_counts_as_one_output(init, half_width):
    drawn = []

    class Recorder(random.Random):
        def uniform(self, a, b):
            drawn.append((a, b))
            return 0.0

    Neuron(2, init=init, rng=Recorder())
    assert drawn == [(-half_width, half_width)] * 2


def test_he_keeps_the_variance_of_he_et_al():
    w = weights(Layer(50, 100, init="he", rng=0))
    assert statistics.pvariance(w) == pytest.approx(2 / 50, rel=0.06)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: MLP(2, []), ValueError, r"MLP: expected nouts to list .*got \[\]; write MLP\(2,"),
        (lambda: MLP(2, 3), ValueError, r"MLP: expected nouts to list .*got 3"),
        (
            lambda: MLP(0, [1]),
            ValueError,
            r"MLP: expected nin to be an integer of at least 1, got 0",
        ),
        (lambda: MLP(2, [2, 0]), ValueError, r"Layer: expected nout .*got 0"),
        (lambda: Layer(2.5, 1), ValueError, r"Layer: expected nin .*got 2.5"),
        (lambda: Neuron("2"), ValueError, r"Neuron: expected nin .*got '2'"),
        (lambda: Perceptron(-1), ValueError, r"Perceptron: expected nin .*got -1"),
        (
            lambda: Neuron(2, init="xavier"),
            ValueError,
            r"init: .*uniform, glorot, he, got 'xavier'",
        ),
        (lambda: Neuron(2, init=None), TypeError, r"init: expected a real number, got None"),
        (lambda: Neuron(2, rng="seed"), TypeError, r"rng: expected a seed .*got 'seed'"),
    ],
)
def test_what_cannot_be_built_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---- the perceptron learns ----


@given(
    st.lists(numbers, min_size=3, max_size=3), st.lists(numbers, min_size=2, max_size=2), numbers
)
def test_an_lms_step_is_a_gradient_step_on_the_squared_error(state, x, target):
    learner, descender = Perceptron(2), Perceptron(2)
    for perceptron in (learner, descender):
        perceptron.load_state_dict(dict(zip(("w1", "w2", "b"), state)))

    error = learner.learn_lms(x, target, rate=0.01)

    output = descender(x)
    squared_error(output, target).backward()
    SGD(descender.parameters(), lr=0.01).step()
    assert error == output.data - target
    assert learner.state_dict() == descender.state_dict()  # to the bit


def test_an_lms_step_worked_by_hand():
    p = Perceptron(2)
    p.load_state_dict({"w1": 1.0, "w2": -2.0, "b": 0.5})
    # output = 1·3 - 2·1 + 0.5 = 1.5, error = 1.5 - 2.5 = -1; w -= 0.5·(-1)·x, b -= 0.5·(-1)
    assert p.learn_lms([3.0, 1.0], 2.5, rate=0.5) == -1.0
    assert p.state_dict() == {"w1": 2.5, "w2": -1.5, "b": 1.0}


def test_lms_finds_the_least_squares_line():
    rng = random.Random(0)
    xs = [rng.uniform(-1, 1) for _ in range(200)]
    ys = [3 * x - 0.5 + rng.gauss(0, 0.1) for x in xs]
    slope, offset = statistics.linear_regression(xs, ys)
    p = Perceptron(1)
    for epoch in range(50):
        for x, y in zip(xs, ys):
            p.learn_lms(x, y, rate=0.1 / (1 + epoch))
    assert [v.data for v in p.parameters()] == pytest.approx([slope, offset], abs=0.02)


def test_a_step_rule_step_worked_by_hand():
    p = Perceptron(2)
    assert p.learn_step([2.0, -1.0], 0) == 0.0  # w·x + b = 0 does not fire: right, nothing moves
    assert p.state_dict() == {"w1": 0.0, "w2": 0.0, "b": 0.0}
    assert p.learn_step([2.0, -1.0], 1, rate=0.5) == -1.0
    assert p.state_dict() == {"w1": 1.0, "w2": -0.5, "b": 0.5}
    assert p.learn_step([1.0, 1.0], 0) == 1.0  # 1 fires: wrong
    assert p.state_dict() == {"w1": 0.0, "w2": -1.5, "b": -0.5}


def test_the_step_rule_stops_within_novikoffs_bound_on_separable_points():
    rng = random.Random(1)
    unit = (0.6, -0.8, 0.0)  # the line 0.6·x1 - 0.8·x2 = 0 separates with margin 0.1
    points = []
    while len(points) < 60:
        x = (rng.uniform(-1, 1), rng.uniform(-1, 1))
        side = unit[0] * x[0] + unit[1] * x[1]
        if abs(side) >= 0.1:
            points.append((x, int(side > 0)))
    p, mistakes, wrong = Perceptron(2), 0, 1
    while wrong:
        wrong = sum(abs(p.learn_step(x, target)) for x, target in points)
        mistakes += wrong
    assert all(p.fires(x) == target for x, target in points)
    # Novikoff 1962: at most (R/γ)² mistakes, R² = |x|² + 1 with the bias's input; one more because
    # from 0 a positive example counts as wrong.
    assert 0 < mistakes <= 3 / 0.1**2 + 1


@pytest.mark.parametrize("target", [-1, 0.5, 2, "Adelie", None])
def test_the_step_rule_wants_0_or_1(target):
    p = Perceptron(1)
    with pytest.raises(ValueError, match=r"learn_step: expected target 0 or 1, got .*recode"):
        p.learn_step([1.0], target)
    assert p.state_dict() == {"w1": 0.0, "b": 0.0}


def test_learning_records_no_graph_and_leaves_gradients_alone():
    p = Perceptron(1)
    p.learn_lms([1.0], 1.0, rate=0.1)
    p.learn_step([1.0], 0)
    assert not any(v.has_grad for v in p.parameters())
    assert all(v.op is None for v in p.parameters())


def test_a_learned_perceptrons_old_graph_cannot_be_differentiated():
    p = Perceptron(1)
    y = p([1.0])
    p.learn_lms([1.0], 1.0, rate=0.1)
    with pytest.raises(RuntimeError, match="assigned after"):
        y.backward()


def rules(p, x, target=1.0, rate=0.1):
    return (lambda: p.learn_lms(x, target, rate)), (lambda: p.learn_step(x, target, rate))


@pytest.mark.parametrize("rule", [0, 1])
def test_a_rule_learns_from_values_as_from_their_numbers(rule):
    of_values, of_numbers = Perceptron(2), Perceptron(2)
    values = [1.0, Value(2.0)], Value(1.0), Value(0.25)
    assert rules(of_values, *values)[rule]() == rules(of_numbers, [1.0, 2.0], 1.0, 0.25)[rule]()
    assert of_values.state_dict() == of_numbers.state_dict() == {"w1": 0.25, "w2": 0.5, "b": 0.25}


@pytest.mark.parametrize("rule", [0, 1])
@pytest.mark.parametrize(
    ("example", "error", "message"),
    [
        ({"x": [1.0, None]}, TypeError, r"x2: expected a real number, got None"),
        ({"x": [1.0, "2"]}, TypeError, r"x2: expected a real number, got the string '2'; use fl"),
        ({"x": [1.0, 2.0], "rate": "0.1"}, TypeError, r"rate: expected .*'0.1'; use float"),
        ({"x": [1.0, math.nan]}, FloatingPointError, r"finite weights .*missing cell \(nan\)"),
        ({"x": [1.0, math.inf]}, FloatingPointError, r"finite weights .*got .*inf"),
        ({"x": [1.0, 1e200], "rate": 1e200}, FloatingPointError, r"lower the rate \(it is 1e\+200"),
    ],
)
def test_a_rule_changes_all_weights_or_none(rule, example, error, message):
    p = Perceptron(2)
    with pytest.raises(error, match=rf"{('learn_lms', 'learn_step')[rule]}: .*{message}"):
        rules(p, **example)[rule]()
    assert p.state_dict() == {"w1": 0.0, "w2": 0.0, "b": 0.0}


def test_lms_wants_a_number_as_target():
    with pytest.raises(TypeError, match=r"learn_lms: target: expected a real number, got .*Ade"):
        Perceptron(1).learn_lms([1.0], "Adelie", rate=0.1)


def test_a_rate_that_is_too_high_is_found_before_the_weights_are_lost():
    p = Perceptron(1)
    with pytest.raises(FloatingPointError, match=r"learn_lms: .*weights are left .*lower the rate"):
        for _ in range(1000):
            p.learn_lms([10.0], 1.0, rate=1.0)
    assert all(math.isfinite(v.data) for v in p.parameters())
    assert abs(p.w[0].data) > 1e100
