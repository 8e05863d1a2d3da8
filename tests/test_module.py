"""Module: which parameters it finds, how it names and labels them, its state."""

import copy
import gc
import inspect
import pickle
import weakref
from abc import abstractmethod
from dataclasses import dataclass, field

import numpy as np
import pytest

from autograd import Value
from autograd.engine import ParameterPath
from nn import MLP, Layer, Module, Neuron


class Net(Module):
    """A user's Module: no super().__init__(), parameters wherever one would put them."""

    def __init__(self):
        self.scale = Value(2.0)
        self.name = "net"
        self.table = [[Value(1.0), Value(2.0)], (Value(3.0), 4.0)]
        self.heads = {"left": Neuron(1), "right": Value(5.0)}
        self.blocks = []
        for _ in range(2):
            self.blocks.append(Layer(1, 1))
        self.again = self.scale
        self.cached = self.scale * 2.0


def names(module):
    return [name for name, _ in module.named_parameters()]


def test_parameters_are_found_in_attributes_lists_tuples_dicts_and_modules_in_order_of_assignment():
    net = Net()
    assert names(net) == [
        *("scale", "table.0.0", "table.0.1", "table.1.0"),
        *("heads.left.w1", "heads.left.b", "heads.right"),
        *("blocks.0.neurons.0.w1", "blocks.0.neurons.0.b"),
        *("blocks.1.neurons.0.w1", "blocks.1.neurons.0.b"),
    ]
    assert [p.label for p in net.parameters()] == names(net)
    assert all(type(p.label) is ParameterPath for p in net.parameters())


def test_a_shared_parameter_module_or_list_counts_once_at_its_first_path():
    class Tied(Module):
        def __init__(self):
            self.encoder = Neuron(2)
            self.decoder = self.encoder
            self.lists = [self.encoder.w, self.encoder.w]
            self.bias = self.encoder.b

    assert names(Tied()) == ["encoder.w1", "encoder.w2", "encoder.b"]


def test_parameters_are_found_in_object_arrays_by_their_indices():
    class Arrays(Module):
        def __init__(self):
            self.grid = np.array([[Value(float(3 * i + j)) for j in range(3)] for i in range(2)])
            self.last_row = self.grid[1]  # a view of the same parameters
            self.neurons = np.array([Neuron(1), None])
            self.one = np.array(None)
            self.one[()] = Value(6.0)
            self.empty = np.array([], dtype=object)
            self.table = np.zeros((2, 2))

    module = Arrays()
    grid = [f"grid.{i}.{j}" for i in range(2) for j in range(3)]
    assert names(module) == [*grid, "neurons.0.w1", "neurons.0.b", "one.0"]
    assert [p.label for p in module.parameters()] == names(module)
    assert [p.data for p in module.parameters()][:6] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize("make", [lambda: Value(1.0), lambda: Neuron(1)])
def test_parameters_in_a_set_are_refused_as_they_have_no_order(kind, make):
    class Bag(Module):
        def __init__(self, items):
            self.bags = [kind(items)]

    with pytest.raises(TypeError, match=rf"got a {kind.__name__} of them at 'bags\.0', .* a list"):
        Bag([make(), "other"])
    assert Bag(["other"]).parameters() == []


def test_a_computed_value_is_no_parameter():
    net = Net()
    assert all(p.op is None for p in net.parameters())
    assert not any(p is net.cached for p in net.parameters())


def test_cycles_of_modules_and_lists_end():
    class Node(Module):
        def __init__(self, parent=None):
            self.parent = parent
            self.w = Value(1.0)
            self.all = [self.w]
            self.all.append(self.all)

    root = Node()
    root.child = Node(root)
    assert names(root) == ["w", "child.w"]
    assert "..." in repr(root)


def test_a_chain_of_10000_modules_is_walked_without_recursion():
    class Link(Module):
        def __init__(self):
            self.w = Value(1.0)

    first = last = Link()
    for _ in range(10_000):
        last.next = Link()
        last = last.next
    assert len(first.parameters()) == 10_001
    node, first = first, None
    while hasattr(node, "next"):  # freed one by one: CPython's own destructor would recurse
        node = vars(node).pop("next")


def test_the_module_constructed_last_labels():
    inner = Layer(1, 2)
    assert inner.neurons[1].b.label == "neurons.1.b"

    class Outer(Module):
        def __init__(self, layer):
            self.layer = layer

    outer = Outer(inner)
    assert inner.neurons[1].b.label == "layer.neurons.1.b"
    outer.extra = Neuron(1)  # assigned later: found and named, labelled by its own constructor
    assert names(outer)[-1] == "extra.b"
    assert outer.extra.b.label == "b"
    assert names(inner)[-1] == "neurons.1.b"  # names come from where one asks, not from labels


def test_labels_show_in_the_graph_and_in_messages():
    model = MLP(1, [1], rng=0)
    y = model([2.0])
    model.layers[0].neurons[0].w[0].data = 1.0
    with pytest.raises(RuntimeError, match=r"layers\.0\.neurons\.0\.w1"):
        y.backward()


def test_dataclasses_and_abstract_classes_can_be_modules():
    @dataclass(eq=False)
    class Affine(Module):
        slope: Value = field(default_factory=lambda: Value(1.0))
        offset: Value = field(default_factory=lambda: Value(0.0))

    assert names(Affine()) == ["slope", "offset"]

    class Abstract(Module):
        @abstractmethod
        def __call__(self, x): ...

    with pytest.raises(TypeError, match="abstract"):
        Abstract()


def test_a_module_without_a_call_says_so():
    with pytest.raises(NotImplementedError, match=r"Net has no __call__; define"):
        Net()(1.0)


def test_zero_grad_forgets_all_gradients():
    model = MLP(2, [2, 1], activation="tanh", rng=0)
    model([1.0, 2.0]).backward()
    assert all(p.has_grad for p in model.parameters())
    model.zero_grad()
    assert not any(p.has_grad for p in model.parameters())
    assert [p.grad for p in model.parameters()] == [0.0] * 9


def test_state_dict_is_a_copy_and_loads_exactly():
    model, twin = MLP(2, [3, 1], rng=0), MLP(2, [3, 1], rng=1)
    state = model.state_dict()
    assert list(state) == names(model)
    twin.load_state_dict(state)
    assert twin.state_dict() == state
    twin.parameters()[0].data = 7.0
    assert model.state_dict() == state != twin.state_dict()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"w2": None}, TypeError, r"the state of 'w2': expected a real number, got None"),
        ({"w2": "1.0"}, TypeError, r"got the string '1.0'; use float"),
        ({"w2": ...}, ValueError, r"its 3 parameters, got 1 \('w2'\) missing and none unexpected"),
        (
            {"w3": 1.0, "w4": 1.0, "w5": 1.0, "w6": 1.0},
            ValueError,
            r"got none missing and 4 \(.*…\)",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused_whole(change, error, message):
    neuron = Neuron(2, rng=0)
    before = neuron.state_dict()
    state = {name: x for name, x in ({"w1": 9.0, "w2": 9.0, "b": 9.0} | change).items() if x != ...}
    with pytest.raises(error, match=message):
        neuron.load_state_dict(state)
    assert neuron.state_dict() == before


def test_two_parameters_of_one_path_are_refused():
    class Clash(Module):
        def __init__(self):
            self.by = {1: Value(1.0), "1": Value(2.0)}

    with pytest.raises(
        ValueError, match=r"Clash: expected one parameter a path, got two at 'by\.1'"
    ):
        Clash().state_dict()


def test_named_modules_lists_every_module_once():
    model = MLP(1, [2, 1])
    model.alias = model.layers[0]
    assert [(path, module.kind()) for path, module in model.named_modules()] == [
        ("", "MLP"),
        ("layers.0", "Layer"),
        ("layers.0.neurons.0", "ReLUNeuron(1)"),
        ("layers.0.neurons.1", "ReLUNeuron(1)"),
        ("layers.1", "Layer"),
        ("layers.1.neurons.0", "LinearNeuron(2)"),
    ]


def test_repr_shows_the_modules_inside_and_counts_equal_ones():
    class Pair(Module):
        def __init__(self):
            self.first = Neuron(2)
            self.rest = [Neuron(1), Neuron(1), Layer(1, 2, activation="tanh"), "no module"]
            self.offset = Value(0.0)

    assert repr(Pair()) == (
        "Pair(first=ReLUNeuron(2), rest=[2 × ReLUNeuron(1), Layer of [2 × TanhNeuron(1)]], "
        "12 parameters)"
    )


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_independent_and_keep_labels_sharing_and_gradients(clone):
    model = MLP(2, [3, 1], activation="tanh", rng=0)
    model.tied = model.layers[0].neurons[0].b
    model([1.0, -2.0]).backward()
    twin = clone(model)
    assert twin.tied is twin.layers[0].neurons[0].b
    assert not {id(p) for p in model.parameters()} & {id(p) for p in twin.parameters()}
    assert twin.state_dict() == model.state_dict()
    assert [(p.label, p.grad) for p in twin.parameters()] == [
        (p.label, p.grad) for p in model.parameters()
    ]
    y = twin([1.0, -2.0])
    assert y.data == model([1.0, -2.0]).data
    twin.zero_grad()
    y.backward()
    assert [p.grad for p in twin.parameters()] == [p.grad for p in model.parameters()]


def test_a_model_dies_with_its_last_name():
    gc.collect()
    gc.disable()
    try:
        model = MLP(2, [2, 1])
        y = model([1.0, 2.0])
        y.backward()
        held = [weakref.ref(x) for x in (model, model.layers[0], model.parameters()[0], y)]
        del model, y
        assert [ref() for ref in held] == [None] * 4
    finally:
        gc.enable()


def test_a_notebook_shows_text_and_the_picture_of_the_output_on_named_inputs():
    neuron = Neuron(2, activation="tanh")
    shown = neuron._repr_mimebundle_()
    assert shown["text/plain"] == repr(neuron)
    for name in ("w1", "w2", "b", "x1", "x2", "tanh"):
        assert f">{name}<" in shown["image/svg+xml"]


def test_a_notebook_shows_a_module_that_cannot_be_drawn_as_text():
    assert Net()._repr_mimebundle_() == {"text/plain": repr(Net())}


# ---- signatures ----


def test_the_signature_of_a_module_is_its_constructors():
    assert list(inspect.signature(MLP).parameters) == ["nin", "nouts", "activation", "init", "rng"]
    assert list(inspect.signature(Net).parameters) == []
    assert str(inspect.signature(Neuron)) == str(inspect.signature(Neuron(1).__init__))

    @dataclass
    class Scale(Module):
        by: float
        shift: float = 0.0

    assert list(inspect.signature(Scale).parameters) == ["by", "shift"]
    assert list(inspect.signature(Scale(1.0).__call__).parameters) == ["inputs", "options"]
