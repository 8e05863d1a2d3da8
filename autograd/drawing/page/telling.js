/* Words and formulas: what nodes are called, and a sentence with numbers for every step.
 *
 *    name     the label of a node, else its place in the list of all: v3, as in a Wengert list
 *    parts    a sentence as [text, class] pairs, so that its numbers can be coloured
 */

const LONGEST_RULE = 90, MOST_OPERANDS = 4, MOST_GIVEN = 6;

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
        const plain = this.graph.isLeaf(i) ? `${this.kind(i)} ${i + 1}` : `v${i + 1}`;
        return this.labels[i] || plain;
    }

    /* What a node was made of. */
    formula(i) {
        const { inputs, constants } = this.graph;
        if (this.graph.isLeaf(i)) return this.name(i);
        return this.written(i, inputs[i].slice(0, MOST_OPERANDS).map((j, place) => {
            if (j < 0) return this.operand(i, place, constants[-1 - j]);
            const name = this.name(j), isLoose = this.labels[j] && /[-+*/^−×÷–]/.test(name);
            return isLoose && this.isSign(i) && this.symbol(i) !== "+" ? `(${name})` : name;
        }));
    }

    /* The same with numbers in place of names. */
    numbers(i) {
        return this.written(i, this.graph.arguments(i).slice(0, MOST_OPERANDS)
            .map((x, place) => this.operand(i, place, x)));
    }

    operand(i, place, x) {
        const isTight = place || this.graph.inputs[i].length === 1 || this.symbol(i) === "^";
        return (this.isSign(i) && isTight ? enclosed : fmt)(x);
    }

    /* Whether an op is written as a sign between its operands, or before the only one. */
    isSign(i) {
        const { length } = this.graph.inputs[i], symbol = this.symbol(i);
        return length === 2 ? !isWord(symbol) : length === 1 && symbol === "−";
    }

    symbol(i) {
        return this.ops[this.graph.op[i]].symbol;
    }

    written(i, operands) {
        const { symbol, name } = this.ops[this.graph.op[i]];
        if (this.isSign(i)) {
            const [first, second] = operands;
            return second === undefined ? `−${first}`
                : operands.join(symbol === "^" ? "^" : ` ${symbol} `);
        }
        const more = this.graph.inputs[i].length > MOST_OPERANDS ? ", …" : "";
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
        const isOfCall = this.scene.cards[step.card]?.percall && !told.isOfAll;
        if (isOfCall) told.chip += `, ${CALL} ${this.scene.call + 1}`;
        return told;
    }

    title(card, isOfAll = false) {
        const { name, badge, count, values, percall } = this.scene.cards[card];
        const node = this.scene.node(card);
        if (node >= 0 && !(isOfAll && percall)) return this.names.name(node);
        if (values) return `the constant ${name || fmt(values[0])}`;
        if (!name) return `the ${grouped(count)} “${badge}” ops`;
        return `${name}${count > 1 ? ` ×${grouped(count)}` : ""}`;
    }

    get goal() {
        const { outputs } = this.graph;
        return outputs.length === 1 ? this.names.name(outputs[0]) : "the sum of the outputs";
    }

    start() {
        const { scene } = this;
        const leaves = scene.order.filter((card) =>
            scene.node(card) >= 0 && this.graph.isLeaf(scene.node(card)));
        const isOwn = (card) => Boolean(scene.cards[card].percall);
        const all = leaves.sort((a, b) => isOwn(b) - isOwn(a)).slice(0, MOST_GIVEN);
        const more = this.graph.op.filter((op) => op < 0).length - all.length;
        const [shared, own] = [false, true].map((isOf) => all.filter((at) => isOwn(at) === isOf)
            .map((at) => scene.node(at)).flatMap((i, k) => [[`${k ? ", " : ""}${
                this.names.name(i)} = `], [fmt(this.graph.value[i]), "number"]]));
        const call = own.length ? [[`${shared.length ? "; " : ""}${CALL} ${scene.call + 1}: `]] : [];
        const rest = more === 1 ? "1 more leaf" : `${grouped(more)} more leaves`;
        return {
            chip: "Start",
            main: leaves.length ? [["Given: "], ...shared, ...call, ...own,
                [more > 0 ? `, and ${rest}` : ""]] : [["Given are the leaves."]],
            sub: [["Forward first: every op computes its value from what it is made of."]],
        };
    }

    forward({ card }, at) {
        const chip = `Forward ${at} of ${this.scene.seed - 1}`;
        const i = this.scene.node(card);
        if (i < 0) return { chip, ...this.forwardMany(card) };
        const { names, graph } = this;
        const made = names.formula(i), numbers = names.numbers(i);
        const main = [[`${names.ops[graph.op[i]].name}: ${names.name(i)} = ${made}`]];
        if (numbers !== made && numbers !== fmt(graph.value[i])) main.push([` = ${numbers}`]);
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
            const out = [...new Set(results)];
            if (out.length) main.push([`; out ${agreed("come", out)} `], ...this.spread(out));
            return { main, sub: [[`Folded: open this ${MODULE} to see its ops.`]] };
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
        const x = this.graph.value[outputs[0]];
        return { chip, main: [[`grad of ${this.goal} = `], ["1", "pos"]], sub: [[
            `Backward now. ${Number.isFinite(x) ? `Raise ${this.goal} by a little, and it rises by `
                + "just as much: so it begins with 1." : `It begins with 1, as always; but ${
                this.goal} is ${fmt(x)}, so the grads say little.`}`]] };
    }

    backward({ arrow }, at) {
        const { scene, graph, names } = this, { tail, head } = scene.arrows[arrow];
        const chip = `Backward ${at - scene.seed} of ${scene.last - scene.seed - 1}`;
        const { edges, sum } = scene.flows[arrow], j = scene.node(tail);
        const isOne = edges.length === 1, n = grouped(edges.length), isOfAll = !isOne;
        if (isOne && j >= 0) return { chip, ...this.contribution(edges[0], j, tail, at) };
        if (!edges.length) {
            const main = [[`${this.title(head, true)}: ${CALL} ${scene.call + 1} is not used there, `
                + `so nothing comes back to ${names.name(j)}`]];
            return { chip, isOfAll, main };
        }
        const grad = [fmt(sum), signClass(sum)], user = isOne ? this.title(head)
            : this.title(head, true);
        const own = this.ownPart(arrow);
        if (j < 0) {
            const many = isOne ? "a contribution of " : `${n} contributions, the largest `;
            const main = [[`${user}, back to ${this.other(head, tail)}: ${many}`], grad];
            return { chip, isOfAll, main, sub: [...own, ...this.arrivals(tail, at)] };
        }
        const main = [[`${user}: grad of ${names.name(j)} += `], grad,
            [`, the sum of ${n} contributions`], ...this.before(tail, at)];
        return { chip, isOfAll, main, sub: own.length ? [[`All ${CALL}s count. `], ...own] : [] };
    }

    /* What the call shown adds to an arrow that stands for all of them. */
    ownPart(arrow) {
        const { scene, graph } = this, { head } = scene.arrows[arrow];
        const { edges } = scene.flows[arrow];
        const own = edges.filter(([i]) => i === scene.node(head));
        if (!scene.cards[head].percall || own.length !== 1 || edges.length < 2) return [];
        const [i, place] = own[0];
        return [[`${CALL[0].toUpperCase()}${CALL.slice(1)} ${scene.call + 1} gives (∂ ${fmt(graph.partial(i, place))}) × `
            + `${enclosed(graph.grad[i])} = ${fmt(graph.contribution(i, place))}. `]];
    }

    /* The title of a tail, told apart from that of the head. */
    other(head, tail) {
        const [from, to] = [head, tail].map((card) => this.title(card, true));
        const { module } = this.scene.cards[tail];
        if (head === tail) return "those of the rounds before";
        return from !== to ? this.title(tail)
            : module >= 0 ? `${DATA.modules[module].path}, another card` : "another such card";
    }

    contribution([i, place], j, tail, at) {
        const { graph, names } = this, [user, name] = [names.name(i), names.name(j)];
        const [p, g] = [graph.partial(i, place), graph.grad[i]], c = graph.contribution(i, place);
        const product = g !== 0 && isSame(p * g, c, 0)
            ? [[`(∂ ${fmt(p)}) × ${enclosed(g)} = `], [fmt(c), signClass(c)]]
            : [["0"], [`, for ${g === 0 ? `the grad of ${user}` : "the local derivative"} is 0`]];
        const main = [[`${user}: grad of ${name} += `], ...product, ...this.before(tail, at)];
        const state = this.scene.grad(tail, at);
        const sub = state.uses + state.seeds > 1 ? this.sumSoFar(name, state)
            : g === 0 ? [["A grad of 0 hands on nothing, whatever the derivative."]]
                : this.rule(i, j);
        return { main, sub };
    }

    /* ", so −0.3 → −2.894" */
    before(tail, at) {
        const [was, now] = [this.scene.grad(tail, at - 1).x, this.scene.grad(tail, at).x];
        return [[`, so ${was === null ? "–" : fmt(was)} → `], [fmt(now), signClass(now)]];
    }

    sumSoFar(name, state) {
        const { terms, uses, arrived, isWhole, seeds, x } = state;
        const sum = terms.length > 1 && terms.length <= MOST_OPERANDS
            ? ` ${asSum(terms, seeds)} = ` : " ";
        const used = `${name} ${seeds ? "is an output and " : ""}has ${countOf(uses, "use")}`;
        const are = agreed("are", { length: arrived });
        if (!isWhole) return [[`${used}: ${arrived} of ${uses} contributions ${are} in.`]];
        return [[`${used}, and its grad is the sum of ${seeds ? "the seed and " : ""}`
            + `what comes back from each:${sum}`],
            [fmt(x), signClass(x)], ["."]];
    }

    arrivals(tail, at) {
        const { outgoing, backwardStep } = this.scene;
        const done = outgoing[tail].filter((arrow) => backwardStep[arrow] <= at).length;
        const all = outgoing[tail].length;
        const have = agreed("have", { length: done });
        return all > 1 ? [[`${done} of ${all} arrows ${have} come back to ${this.title(tail)}.`]]
            : [];
    }

    rule(i, j) {
        const d = (top, bottom) => `∂${compact(top)}/∂${compact(bottom)}`;
        const { outputs, users } = this.graph, [user, name] = [i, j].map((k) => this.names.name(k));
        if (outputs.includes(i) && !users[i].length) {
            return [[`The last op: ${d(user, name)} itself.`]];
        }
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
            [fmt(Math.abs(0.01 * g)), signClass(g)], [" (grad × 0.01)"]]
            : [[`its grad is 0, so to first order ${this.goal} does not change`]];
        const sub = [[isWeight
            ? "To lower the output, gradient descent moves every parameter against its grad. "
            : "That is what a grad says: how steeply the output changes with it. "],
        ["Play shows how it came about."]];
        return { chip, main: [[`Raise ${name} by 0.01: `], ...change], sub };
    }
}

/* "−0.3 − 2.594", or "1 (seed) + 0.25" */
function asSum(terms, seeds = 0) {
    const [first, ...rest] = terms;
    return [fmt(first) + (seeds ? " (seed)" : ""),
        ...rest.map((x) => `${x < 0 ? "−" : "+"} ${fmt(Math.abs(x))}`)].join(" ");
}

/* "the seed and 2 uses" */
function usesOf({ seeds, uses }) {
    return (seeds ? "the seed and " : "") + countOf(uses, "use");
}

/* A verb for one or for many: "come", "has". */
function agreed(verb, { length }) {
    return length === 1 ? { come: "comes", are: "is", have: "has" }[verb] : verb;
}

function compact(name) {
    return /^[\p{L}\p{N}_.·]+$/u.test(name) ? name : `(${name})`;
}

function plain(parts) {
    return parts.map(([text]) => text).join("");
}
