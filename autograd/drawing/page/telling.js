/* Words and formulas: what nodes are called, and a sentence with numbers for every step.
 *
 *    name     the label of a node, else a short formula: "x1 × w1", "tanh(…)"
 *    parts    a sentence as [text, class] pairs, so that its numbers can be coloured
 */

const LONGEST_FORMULA = 26, LONGEST_RULE = 90, MOST_OPERANDS = 4, MOST_GIVEN = 6;

class Names {
    constructor(data, graph) {
        Object.assign(this, { graph, labels: data.nodes.label, ops: data.ops });
        this.parameters = new Set(data.parameters);
        this.outputs = new Set(data.outputs);
    }

    kind(i) {
        if (this.graph.isLeaf(i)) return this.parameters.has(i) ? "parameter" : "input";
        return this.outputs.has(i) ? "output" : "operation";
    }

    name(i) {
        const plain = this.graph.isLeaf(i) ? `${this.kind(i)} ${i + 1}` : this.formula(i);
        return this.labels[i] || plain;
    }

    /* What a node was made of, as deep as there is room. */
    formula(i) {
        if (this.graph.isLeaf(i)) return this.name(i);
        for (const depth of [2, 1]) {
            const text = this.made(i, depth);
            if (text.length <= LONGEST_FORMULA) return text;
        }
        return this.made(i, 0);
    }

    made(i, depth) {
        const { inputs, constants, op } = this.graph;
        const isInfix = this.isInfix(i);
        const operands = inputs[i].slice(0, MOST_OPERANDS).map((j, place) => {
            if (j < 0) return (isInfix && place ? enclosed : fmt)(constants[-1 - j]);
            if (this.labels[j] || this.graph.isLeaf(j)) return this.name(j);
            if (depth === 0) return "…";
            const text = this.made(j, depth - 1);
            return inputs[i].length < 3 && !isWord(this.ops[op[i]].symbol) && this.isInfix(j)
                ? `(${text})` : text;
        });
        return this.written(op[i], operands, inputs[i].length);
    }

    /* The same with numbers in place of names. */
    numbers(i) {
        const isInfix = this.isInfix(i);
        const operands = this.graph.arguments(i).slice(0, MOST_OPERANDS).map((x, place) =>
            (isInfix && place ? enclosed(x) : fmt(x)));
        return this.written(this.graph.op[i], operands, this.graph.inputs[i].length);
    }

    isInfix(i) {
        return this.graph.inputs[i].length === 2 && !isWord(this.ops[this.graph.op[i]].symbol);
    }

    written(op, operands, count) {
        const { symbol, name } = this.ops[op];
        if (count === 2 && symbol === "^") return operands.join("^");
        if (count === 2 && !isWord(symbol)) return operands.join(` ${symbol} `);
        if (count === 1 && symbol === "−") return `−${operands[0]}`;
        const more = count > MOST_OPERANDS ? ", …" : "";
        return `${isWord(symbol) ? symbol : name}(${operands.join(", ")}${more})`;
    }
}

function isWord(symbol) {
    return /^\p{L}[\p{L}\p{N}_]*$/u.test(symbol);
}

function enclosed(x) {
    return x < 0 ? `(${fmt(x)})` : fmt(x);
}

function signClass(x) {
    return x < 0 ? "neg" : x > 0 ? "pos" : "";
}

/* ---- sentences ---- */

class Telling {
    constructor(names, scene) {
        Object.assign(this, { names, scene, graph: scene.graph });
    }

    /* {main, sub, chip}: main and sub are parts. */
    step(at) {
        const step = this.scene.steps[at];
        const told = { sub: [], ...this[step.phase](step, at) };
        if (this.scene.cards[step.card]?.percall) told.chip += `, call ${this.scene.call + 1}`;
        return told;
    }

    title(card) {
        const node = this.scene.node(card), { name, badge, count, values } = this.scene.cards[card];
        if (node >= 0) return this.names.name(node);
        if (values) return `the constant ${name || fmt(values[0])}`;
        if (!name) return `the ${grouped(count)} “${badge}” ops`;
        return `${name}${count > 1 ? ` ×${grouped(count)}` : ""}`;
    }

    get goal() {
        const { outputs } = this.graph;
        return outputs.length === 1 ? this.names.name(outputs[0]) : "the sum of the outputs";
    }

    start() {
        const leaves = this.scene.order.map((card) => this.scene.node(card))
            .filter((i) => i >= 0 && this.graph.isLeaf(i));
        const given = leaves.slice(0, MOST_GIVEN).flatMap((i, k) => [
            [`${k ? ", " : ""}${this.names.name(i)} = `], [fmt(this.graph.value[i]), "number"]]);
        const more = leaves.length - MOST_GIVEN;
        const rest = more === 1 ? "1 more leaf" : `${grouped(more)} more leaves`;
        return {
            chip: "Start",
            main: given.length ? [["Given: "], ...given, [more > 0 ? `, and ${rest}` : ""]]
                : [["Given are the leaves."]],
            sub: [["Forward first: every op computes its value from what it is made of."]],
        };
    }

    forward({ card }, at) {
        const chip = `Forward ${at} of ${this.scene.seed - 1}`;
        const i = this.scene.node(card);
        if (i < 0) return { chip, ...this.forwardMany(card) };
        const { names, graph } = this, label = names.labels[i];
        const made = names.formula(i), numbers = names.numbers(i);
        const main = [[`${names.ops[graph.op[i]].name}: ${label ? `${label} = ` : ""}${made}`]];
        if (numbers !== made) main.push([` = ${numbers}`]);
        main.push([" = "], [fmt(graph.value[i]), "number"]);
        const places = graph.inputs[i].flatMap((j, place) => (j < 0 ? [] : [place]));
        const partials = places.slice(0, MOST_OPERANDS).flatMap((place, k) => [
            [k ? ", " : ""], [fmt(graph.partial(i, place)), "number"],
            [` by ${names.name(graph.inputs[i][place])}`]]);
        if (places.length > MOST_OPERANDS) partials.push([", …"]);
        const sub = partials.length
            ? [[`Local derivative${places.length > 1 ? "s" : ""}, kept for the way back: `],
                ...partials, ["."]] : [];
        return { chip, main, sub };
    }

    forwardMany(card) {
        const { row, module, nodes } = this.scene.cards[card], title = this.title(card);
        if (module >= 0) {
            const results = this.scene.outgoing[card].flatMap((arrow) => this.scene.edges[arrow]
                .map(([i, place]) => this.graph.inputs[i][place]));
            const main = [[`${title}: ${row}`]];
            if (results.length) main.push(["; out come "], ...this.spread([...new Set(results)]));
            return { main, sub: [["Folded: open this module to see its ops."]] };
        }
        return { main: [[`${title}: `], ...this.spread(nodes)], sub: [
            ["Drawn once: these ops are alike but for their numbers."]] };
    }

    spread(nodes) {
        const values = nodes.map((i) => this.graph.value[i]);
        const [low, high] = [values, values].map((all, k) => fmt(all.reduce(
            (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? NaN : Math[k ? "max" : "min"](a, b)))));
        const range = low === high ? [[low, "number"]] : [["from "], [low, "number"], [" to "],
            [high, "number"]];
        return [[`${countOf(nodes.length, "value")}, `], ...range];
    }

    seed() {
        const { outputs } = this.graph, chip = "Seed";
        if (outputs.length > 1) {
            const main = [[`The grad of each of the ${outputs.length} outputs = `], ["1", "pos"]];
            return { chip, main, sub: [["Backward now: all grads are of the outputs' sum."]] };
        }
        return { chip, main: [[`grad of ${this.goal} = `], ["1", "pos"]], sub: [
            [`Backward now. Raise ${this.goal} by a little, and it rises by just as much: so it `
                + "begins with 1."]] };
    }

    backward({ arrow }, at) {
        const { scene, graph, names } = this, { tail, head } = scene.arrows[arrow];
        const chip = `Backward ${at - scene.seed} of ${scene.last - scene.seed - 1}`;
        const { edges, sum } = scene.flows[arrow], j = scene.node(tail);
        const isOne = edges.length === 1, n = grouped(edges.length);
        if (isOne && j >= 0) return { chip, ...this.contribution(edges[0], j, tail, at) };
        const grad = [fmt(sum), signClass(sum)];
        if (j < 0) {
            const many = isOne ? "a contribution of " : `${n} contributions, together `;
            const main = [[`${this.title(head)}, back to ${this.title(tail)}: ${many}`], grad];
            return { chip, main, sub: this.arrivals(tail, at) };
        }
        const main = [[`${this.title(head)}: grad of ${names.name(j)} += `], grad,
            [`, the sum of ${n} contributions`], ...this.before(tail, at)];
        const shown = scene.printed(arrow), sub = [];
        if (shown && scene.cards[head].percall) {
            const [i, place] = shown, p = fmt(graph.partial(i, place));
            sub.push([`All calls count; call ${scene.call + 1} gives (∂ ${p}) × `
                + `${enclosed(graph.grad[i])} = ${fmt(graph.contribution(i, place))}.`]);
        }
        return { chip, main, sub };
    }

    contribution([i, place], j, tail, at) {
        const { graph, names } = this, [user, name] = [names.name(i), names.name(j)];
        const [p, g] = [graph.partial(i, place), graph.grad[i]], c = graph.contribution(i, place);
        const main = [[`${user}: grad of ${name} += `]];
        if (g === 0) {
            main.push(["0"], [`, for nothing arrived at ${user}`], ...this.before(tail, at));
        } else if (p === 0 && names.ops[graph.op[i]].selects) {
            main.push(["0"], [`, for ${user} did not choose ${name}`], ...this.before(tail, at));
        } else {
            main.push([`(∂ ${fmt(p)}) × ${enclosed(g)} = `], [fmt(c), signClass(c)],
                ...this.before(tail, at));
        }
        const state = this.scene.grad(tail, at);
        const sub = state.uses > 1 ? this.sumSoFar(name, state)
            : g === 0 ? [["A grad of 0 hands on nothing, whatever the derivative."]]
                : this.rule(user, name);
        return { main, sub };
    }

    /* ", so −0.3 → −2.894" */
    before(tail, at) {
        const [was, now] = [this.scene.grad(tail, at - 1).x, this.scene.grad(tail, at).x];
        return [[`, so ${was === null ? "–" : fmt(was)} → `], [fmt(now), signClass(now)]];
    }

    sumSoFar(name, { terms, uses, arrived, isWhole, x }) {
        const sum = terms.length > 1 && terms.length <= MOST_OPERANDS ? ` ${asSum(terms)} = ` : " ";
        const used = `${name} has ${countOf(uses, "use")}`;
        if (!isWhole) return [[`${used}: ${arrived} of ${uses} contributions are in.`]];
        return [[`${used}, and its grad is the sum of what comes back from each:${sum}`],
            [fmt(x), signClass(x)], ["."]];
    }

    arrivals(tail, at) {
        const { outgoing, backwardStep } = this.scene;
        const done = outgoing[tail].filter((arrow) => backwardStep[arrow] <= at).length;
        const all = outgoing[tail].length;
        return all > 1 ? [[`${done} of ${all} arrows have come back to ${this.title(tail)}.`]] : [];
    }

    rule(user, name) {
        const d = (top, bottom) => `∂${compact(top)}/∂${compact(bottom)}`;
        if (user === this.goal) return [[`The last op: ${d(user, name)} itself.`]];
        const text = `${d(this.goal, name)} = ${d(user, name)} × ${d(this.goal, user)}`;
        const isLong = text.length > LONGEST_RULE;
        return [[`The chain rule: ${isLong ? "local derivative × what arrived" : text}.`]];
    }

    end() {
        const { graph, names } = this, chip = "Done";
        const isWeight = names.parameters.size > 0;
        let steepest = -1;
        for (let i = 0; i < graph.size && graph.isLeaf(i); i++) {  // leaves come first
            const size = Math.abs(graph.grad[i]), isAsked = names.parameters.has(i) === isWeight;
            const isLess = size <= Math.abs(graph.grad[steepest]);
            if (isAsked && size < Infinity && !isLess) steepest = i;
        }
        const end = graph.outputs.find((i) => !Number.isFinite(graph.value[i]));
        if (end !== undefined) {
            return { chip, main: [[`${names.name(end)} is `], [fmt(graph.value[end]), "bad"],
                [", so these grads say little: look where it began."]] };
        }
        if (steepest < 0) {
            return { chip, main: [[`Every grad says how ${this.goal} would change.`]] };
        }
        const g = graph.grad[steepest], name = names.name(steepest);
        if (graph.outputs.includes(steepest) && graph.size === 1) {
            return { chip, main: [[`${name} is the output itself: raise it by 0.01, and it rises `
                + "by 0.01"]] };
        }
        const change = g ? [[`${this.goal} ${g < 0 ? "falls" : "rises"} by about `],
            [fmt(Math.abs(0.01 * g)), signClass(g)]] : [[`${this.goal} stays as it is`]];
        const sub = [[isWeight
            ? "To lower the output, gradient descent moves every parameter against its grad. "
            : "That is what a grad says: how steeply the output changes with it. "],
        ["Play shows how it came about."]];
        return { chip, main: [[`Raise ${name} by 0.01: `], ...change, [` (grad × 0.01)`]], sub };
    }
}

/* "−0.3 − 2.594" */
function asSum(terms) {
    return terms.map((x, k) => (k ? `${x < 0 ? "−" : "+"} ${fmt(Math.abs(x))}` : fmt(x))).join(" ");
}

function compact(name) {
    return /^[\p{L}\p{N}_.·]+$/u.test(name) ? name : `(${name})`;
}

function plain(parts) {
    return parts.map(([text]) => text).join("");
}
