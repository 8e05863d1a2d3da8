/* The numbers of a graph, and how to compute them again. Nothing is drawn here, and no op is known.
 *
 *    i             a node: its place in topological order
 *    place         which of a node's inputs, from 0
 *    grad[i]       the derivative of the sum of the outputs by node i
 *    partial       the local derivative of node i by one of its inputs
 *    contribution  what node i hands on to that input: partial × grad[i]
 */

class Graph {
    /* nodes: columns {op, inputs, value, grad?}; ops: [{forward, partials, selects}];
       recorded: the partials of every node as Python computed them, where ops cannot. */
    constructor(nodes, constants, ops, outputs, recorded = null) {
        this.op = nodes.op;
        this.inputs = nodes.inputs;
        this.constants = constants.map(asNumber);
        this.ops = ops;
        this.outputs = outputs;
        this.recorded = recorded;
        this.size = nodes.op.length;
        this.value = Float64Array.from(nodes.value, asNumber);
        this.grad = Float64Array.from(nodes.grad ?? nodes.op.map(() => NaN), asNumber);
        this.version = 0;
    }

    isLeaf(i) {
        return this.op[i] < 0;
    }

    /* Who uses a node, as [user, place]: oldest first. */
    get users() {
        if (!this.usersFound) {
            this.usersFound = this.inputs.map(() => []);
            this.inputs.forEach((inputs, i) => inputs.forEach((j, place) => {
                if (j >= 0) this.usersFound[j].push([i, place]);
            }));
        }
        return this.usersFound;
    }

    arguments(i) {
        return this.inputs[i].map((j) => (j < 0 ? this.constants[-1 - j] : this.value[j]));
    }

    partials(i) {
        if (this.recorded) return (this.recorded[i] ?? []).map(asNumber);
        return this.ops[this.op[i]].partials(xp, this.value[i], this.arguments(i));
    }

    partial(i, place) {
        return this.partials(i)[place];
    }

    /* What node i hands on of an adjoint. One of 0 hands on nothing, whatever the partial; nor does
       a selection to what it did not choose. */
    handed(i, place, adjoint) {
        if (adjoint === 0) return 0;
        const p = this.partial(i, place);
        return p === 0 && this.ops[this.op[i]].selects ? 0 : p * adjoint;
    }

    contribution(i, place) {
        return this.handed(i, place, this.grad[i]);
    }

    forward() {
        for (let i = 0; i < this.size; i++) {
            const op = this.ops[this.op[i]];
            if (op) this.value[i] = op.forward(xp, this.arguments(i));
        }
    }

    /* Newest node first, the second input before the first: the order in which Python sums. */
    backward() {
        this.grad.fill(0);
        for (const output of this.outputs) this.grad[output] += 1;
        for (let i = this.size - 1; i >= 0; i--) {
            const g = this.grad[i], inputs = this.inputs[i];
            if (g === 0 || this.op[i] < 0) continue;
            const partials = this.partials(i), selects = this.ops[this.op[i]].selects;
            for (let place = inputs.length - 1; place >= 0; place--) {
                if (inputs[place] < 0) continue;
                const p = partials[place];
                if (p !== 0 || !selects) this.grad[inputs[place]] += p * g;
            }
        }
    }

    run() {
        this.forward();
        this.backward();
        this.version++;
    }

    /* What the outputs would sum to if leaf i were x. */
    goal(i, x) {
        const kept = this.value.slice();
        this.value[i] = x;
        this.forward();
        const sum = this.outputs.reduce((total, output) => total + this.value[output], 0);
        this.value.set(kept);
        return sum;
    }

    /* The central difference of the sum of the outputs by leaf i. */
    difference(i, h) {
        const up = this.value[i] + h, down = this.value[i] - h;
        return (this.goal(i, up) - this.goal(i, down)) / (up - down);
    }

    /* The first node whose number is not what the ops give for it, or -1: a check of the ops. */
    firstDifference() {
        const { value, grad } = this;
        [this.value, this.grad] = [value.slice(), grad.slice()];
        this.run();
        const here = [this.value, this.grad];
        [this.value, this.grad] = [value, grad];
        this.version = 0;
        const near = [value, grad].map((column) => 1e-12 * largestOf(column));
        for (let i = 0; i < this.size; i++) {
            if (!isSame(here[0][i], value[i], near[0])) return i;
            if (!isSame(here[1][i], grad[i], near[1])) return i;
        }
        return -1;
    }
}

/* JSON has no word for them, so these three are strings there. */
function asNumber(x) {
    return typeof x === "number" ? x : { nan: NaN, inf: Infinity, "-inf": -Infinity }[x] ?? NaN;
}

function isSame(a, b, near) {
    if (Object.is(a, b) || a === b) return true;
    return Math.abs(a - b) < 1e-9 * Math.max(Math.abs(a), Math.abs(b)) + near;  // not of infinities
}

/* The largest finite size among numbers, 0 if there is none. */
function largestOf(numbers) {
    let largest = 0;
    for (const x of numbers) {
        if (Math.abs(x) > largest && Number.isFinite(x)) largest = Math.abs(x);
    }
    return largest;
}

/* ---- numbers as text ---- */

/* Four significant digits, a real minus, an exponent only where it helps: as Python's pictures. */
function fmt(x, { signed = false } = {}) {
    let text;
    if (!Number.isFinite(x)) text = Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
    else if (x === 0) return "0";
    else {
        const size = Math.abs(x), exponent = Number(size.toExponential().split("e")[1]);
        if (size >= 1e-4 && size < 99999.5) {
            text = trimmed(halfEven(size, Math.max(0, 3 - exponent), "toFixed"));
        } else {
            const [mantissa, power] = halfEven(size, 3, "toExponential").split("e");
            text = `${trimmed(mantissa)}e${Number(power)}`;
        }
        if (x < 0) text = `-${text}`;
    }
    return (signed && x > 0 ? `+${text}` : text).replaceAll("-", "−");
}

/* JavaScript rounds a tie up; Python, as IEEE 754, to the even digit. */
function halfEven(size, digits, method) {
    const rounded = size[method](digits), [head, power] = rounded.split("e");
    const exact = size[method](100).split("e")[0], cut = exact.length - 100 + digits;
    const isOdd = /[13579]$/.test(head);
    if (!isOdd || !/^50*$/.test(exact.slice(cut))) return rounded;
    return exact.slice(0, cut).replace(/\.$/, "") + (power ? `e${power}` : "");
}

function trimmed(text) {
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/* All digits. */
function exactly(x) {
    return Number.isFinite(x) ? String(x).replaceAll("-", "−") : fmt(x);
}

/* A number typed by hand, NaN if it is none: "−0.3", "1e-3", ".5". */
function parsed(text) {
    const plain = text.trim().replaceAll("−", "-").replace(/^\+/, "");
    return /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
}

const GROUPING = new Intl.NumberFormat("en");

/* 65414 as "65,414". */
function grouped(n) {
    return GROUPING.format(n);
}

function countOf(n, what) {
    return `${grouped(n)} ${what}${n === 1 ? "" : "s"}`;
}
