"""Saving and loading: exact to the bit, all or nothing, and only into the same architecture."""

import hashlib
import json
import math
import os
import random
import stat
import struct
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from autograd import Value
from nn import MLP, Layer, Module, Neuron, load, save

SPECIAL = (
    *(0.0, -0.0, 5e-324, -2.2250738585072009e-308, 1.7976931348623157e308, 0.1, 1 / 3),
    *(math.inf, -math.inf, math.nan, math.copysign(math.nan, -1.0)),
    struct.unpack(">d", bytes.fromhex("7ff8000000000123"))[0],  # a nan that carries bits
)


class Numbers(Module):
    def __init__(self, numbers):
        self.numbers = [Value(x) for x in numbers]


def bits(module):
    return {name: struct.pack(">d", x) for name, x in module.state_dict().items()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.json"


def test_a_model_comes_back_the_same(path):
    model, twin = MLP(2, [4, 1], activation="tanh", rng=0), MLP(2, [4, 1], activation="tanh", rng=1)
    save(model, path)
    assert load(twin, str(path)) is twin
    assert bits(twin) == bits(model)
    assert twin([0.5, -1.0]).data == model([0.5, -1.0]).data


def test_every_float_comes_back_to_the_bit(path):
    rng = random.Random(0)
    anything = [struct.unpack(">d", rng.randbytes(8))[0] for _ in range(2000)]
    model = Numbers([*SPECIAL, *anything])
    save(model, path)
    loaded = load(Numbers([7.0] * len(model.numbers)), path)
    assert bits(loaded) == bits(model)


def test_the_file_is_standard_json_that_a_person_can_read(path):
    save(Numbers([0.1, math.nan, -math.inf]), path)
    file = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert file["model"] == {
        "modules": {"": "Numbers"},
        "parameters": {
            "numbers.0": 0.1,
            "numbers.1": "7ff8000000000000",
            "numbers.2": "fff0000000000000",
        },
    }
    assert path.read_text().endswith("}\n")


def test_saving_replaces_the_file_and_leaves_nothing_else(path):
    save(MLP(1, [1]), path)
    save(Neuron(1), path)
    load(Neuron(1), path)
    assert os.listdir(path.parent) == ["model.json"]


def test_saving_writes_through_a_link(path):
    link = path.with_name("link.json")
    link.symlink_to(path)
    save(Neuron(1), link)
    assert link.is_symlink()
    load(Neuron(1), path)


def test_two_threads_may_save_to_one_path(path, monkeypatch):
    models, both_drafted, fsync = [Neuron(1, rng=0), Neuron(1, rng=1)], Barrier(2), os.fsync

    def meet(descriptor):
        fsync(descriptor)
        both_drafted.wait(timeout=10)

    monkeypatch.setattr(os, "fsync", meet)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(save, models, [path] * 2)) == [None, None]
    assert bits(load(Neuron(1), path)) in [bits(model) for model in models]
    assert os.listdir(path.parent) == ["model.json"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_file_has_the_permissions_that_open_would_give(path):
    def mode():
        return stat.S_IMODE(path.stat().st_mode)

    before = os.umask(0o026)
    try:
        save(Neuron(1), path)
        assert mode() == 0o640
        path.chmod(0o600)
        save(Neuron(1), path)
        assert mode() == 0o600
    finally:
        os.umask(before)


def test_a_failed_save_keeps_the_old_file(path, monkeypatch):
    save(Neuron(1, rng=0), path)
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        save(Neuron(1, rng=1), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["model.json"]


def test_a_model_that_cannot_be_named_is_not_saved(path):
    model = Neuron(1)
    model.by = {1: Value(1.0), "1": Value(2.0)}
    with pytest.raises(ValueError, match="one parameter a path"):
        save(model, path)
    assert not path.exists()


# ---- what is refused ----


def refused(path, model, message):
    """The load raises, and the model is as it was."""
    before = bits(model)
    with pytest.raises(ValueError, match=message):
        load(model, path)
    assert bits(model) == before


def test_no_byte_of_a_file_can_change_or_be_cut_off_unnoticed(path):
    model = Layer(1, 2, rng=0)
    model.offset = Value(math.nan)
    save(model, path)
    written, expected = path.read_bytes(), bits(model)
    noticed = 0
    for i in range(len(written)):
        for damaged in (
            written[:i],
            written[:i] + bytes([written[i] ^ 1]) + written[i + 1 :],
            written[:i] + b"\xff" + written[i + 1 :],
        ):
            path.write_bytes(damaged)
            twin = Layer(1, 2, rng=1)
            twin.offset = Value(0.0)
            before = bits(twin)
            try:
                load(twin, path)
            except ValueError as error:
                assert str(error).startswith("load: expected ")
                assert bits(twin) == before
                noticed += 1
            else:  # only white space differs
                assert bits(twin) == expected
                assert damaged.split() == written.split()
    assert noticed > 2.5 * len(written)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '"\\ud800', "\x00", '{"format": 1}}'])
def test_what_is_no_json_is_called_damaged(path, text):
    path.write_text(text)
    refused(path, Neuron(1), r"load: expected a model as nn.save wrote it, got a damaged or trunc")


@pytest.mark.parametrize("content", [[], None, 3, {}, {"format": "safetensors"}, {"w1": 1.0}])
def test_what_is_no_model_is_refused(path, content):
    path.write_text(json.dumps(content))
    refused(path, Neuron(1), r"load: expected what nn.save wrote, got .*model.json'; save")


def test_another_version_is_refused(path):
    save(Neuron(1), path)
    file = json.loads(path.read_text())
    path.write_text(json.dumps(file | {"version": 2}))
    refused(path, Neuron(1), r"load: expected version 1, got 2 in .*; load it with the release")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            MLP(2, [3, 1], "tanh"),
            r"'layers.0.neurons.0' is ReLUNeuron\(2\) in the file, TanhNeuron\(2\) here",
        ),
        (MLP(2, [4, 1]), r"'layers.0.neurons.3' is missing in the file, ReLUNeuron\(2\) here"),
        (MLP(2, [2, 1]), r"'layers.1.neurons.0' is LinearNeuron\(3\) in the file, LinearNeuron\(2"),
        (MLP(2, [3]), r"is ReLUNeuron\(2\) in the file, LinearNeuron\(2\) here; build"),
        (Layer(2, 3), r"the model itself is MLP in the file, Layer here"),
    ],
)
def test_another_architecture_is_refused(path, other, message):
    save(MLP(2, [3, 1]), path)
    refused(path, other, rf"load: expected a file of this model's architecture.*{message}")


def test_missing_and_extra_parameters_are_refused(path):
    save(Numbers([1.0, 2.0]), path)
    refused(path, Numbers([5.0] * 3), r"1 \('numbers.2'\) missing and none unexpected")
    refused(path, Numbers([5.0]), r"none missing and 1 \('numbers.1'\) unexpected")


def signed(content):
    """A file with a right checksum, whatever is in it."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps(
        {"format": "foldgrad model", "version": 1, "sha256": digest, "model": content}
    )


@pytest.mark.parametrize("x", [1, True, None, [1.0], "1.0", "nan", "0" * 17, "g" * 16])
def test_a_parameter_of_the_wrong_type_is_refused(path, x):
    path.write_text(
        signed({"modules": {"": "Numbers"}, "parameters": {"numbers.0": 1.0, "numbers.1": x}})
    )
    refused(path, Numbers([5.0, 5.0]), r"load: expected a number, got .*; the file was not written")


@pytest.mark.parametrize(
    "content", [None, [], {}, {"modules": {}}, {"modules": [], "parameters": {}}]
)
def test_content_of_the_wrong_shape_is_refused(path, content):
    path.write_text(signed(content))
    refused(path, Numbers([5.0]), r"it has no modules or no parameters")


def test_a_missing_file_is_an_os_error(path):
    with pytest.raises(FileNotFoundError):
        load(Neuron(1), path)


def test_a_missing_folder_is_named_with_the_file_that_was_asked_for(path):
    with pytest.raises(FileNotFoundError, match=r"save: .*got '.*folder/model.json'; create the f"):
        save(Neuron(1), path.parent / "folder" / "model.json")


@pytest.mark.parametrize("function", [save, load])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda path: ("m.json", Neuron(1)), r"got 'm.json'; the model comes first: "),
        (lambda path: (MLP, path), r"got <class .*MLP'>; build a model of the class: "),
    ],
)
def test_what_is_no_model_is_neither_saved_nor_loaded_into(path, function, wrong, message):
    name = function.__name__
    with pytest.raises(TypeError, match=rf"{name}: expected a Module, {message}{name}\(model, "):
        function(*wrong(path))
    assert not path.exists()
