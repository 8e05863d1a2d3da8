/* What one sees step by step: forward card by card, the seed, then backward arrow by arrow.
 *
 *    scene   a view with its steps; shown   the nodes of a card: all, or that of the chosen call
 *    edge    [i, place]: node i uses its input at that place; an arrow stands for some of them
 *    flow    what comes back along an arrow to one node: the sum of its edges' contributions; to
 *            several, which are not to be added up, the largest
 *    step    {phase, card?, arrow?}; phase is start, forward, seed, backward or end
 */

class Scene {
    constructor(view, graph) {
        Object.assign(this, { view, graph, cards: view.cards, arrows: view.arrows, call: 0 });
        this.cardOf = new Int32Array(graph.size).fill(-1);
        this.cards.forEach((card, at) => card.nodes.forEach((i) => { this.cardOf[i] = at; }));
        this.newest = this.cards.map((card) => card.nodes.reduce((a, b) => Math.max(a, b), -1));
        this.isOp = this.newest.map((i) => i >= 0 && !graph.isLeaf(i));
        this.order = this.sorted();
        this.findEdges();
        this.planSteps();
    }

    /* The cards so that each comes after those it is made from: oldest first, where that leaves a
       choice, and where folded modules feed each other. */
    sorted() {
        const left = this.cards.map((_, at) => at).sort((a, b) => this.newest[a] - this.newest[b]);
        const order = [], isDone = this.cards.map(() => false), tails = this.cards.map(() => []);
        for (const { tail, head, carried } of this.arrows) if (!carried) tails[head].push(tail);
        while (left.length) {
            const ready = left.findIndex((at) => tails[at].every((tail) => isDone[tail]));
            const [at] = left.splice(Math.max(0, ready), 1);
            isDone[at] = true;
            order.push(at);
        }
        return order;
    }

    findEdges() {
        this.edges = this.arrows.map(() => []);
        const into = this.cards.map(() => []);
        this.arrows.forEach((arrow, at) => into[arrow.head].push([arrow.tail, arrow.place, at]));
        this.cards.forEach((card, head) => card.nodes.forEach((i) => {
            this.graph.inputs[i].forEach((j, place) => {
                const tail = j < 0 ? -1 : this.cardOf[j];
                if (tail < 0) return;
                const arrow = into[head].find(
                    (a) => a[0] === tail && (a[1] === place || a[1] < 0));
                if (arrow) this.edges[arrow[2]].push([i, place]);
            });
        }));
    }

    planSteps() {
        const ops = this.order.filter((card) => this.isOp[card]);
        this.outputs = [...new Set(this.graph.outputs.map((i) => this.cardOf[i]))]
            .filter((card) => card >= 0);
        this.incoming = this.cards.map(() => []);
        this.outgoing = this.cards.map(() => []);
        this.arrows.forEach((arrow, at) => {
            this.incoming[arrow.head].push(at);
            if (this.edges[at].length) this.outgoing[arrow.tail].push(at);
        });
        const forward = ops.map((card) => ({ phase: "forward", card }));
        const backward = ops.reverse().flatMap((card) => this.incoming[card]
            .filter((arrow) => this.edges[arrow].length)
            .sort((a, b) => this.arrows[b].place - this.arrows[a].place || b - a)
            .map((arrow) => ({ phase: "backward", card, arrow })));
        // What the next round hands back to the one that is shown arrives before anything in it.
        const isFromNext = ({ card, arrow }) =>
            Number(Boolean(this.arrows[arrow].carried && this.cards[card].percall));
        backward.sort((a, b) => isFromNext(b) - isFromNext(a));
        this.seed = forward.length + 1;
        this.steps = [{ phase: "start" }, ...forward, { phase: "seed" }, ...backward,
            { phase: "end" }];
        this.last = this.steps.length - 1;
        this.forwardStep = this.cards.map(() => 0);
        this.backwardStep = this.arrows.map(() => Infinity);
        this.steps.forEach((step, at) => {
            if (step.phase === "forward") this.forwardStep[step.card] = at;
            if (step.phase === "backward") this.backwardStep[step.arrow] = at;
        });
        for (const arrows of this.outgoing) {  // in the order in which they come back
            arrows.sort((a, b) => this.backwardStep[a] - this.backwardStep[b]);
        }
    }

    /* ---- what a card and an arrow hold, from the graph's present numbers ---- */

    shown(card) {
        const { nodes, percall } = this.cards[card];
        return percall ? [nodes[Math.min(this.call, nodes.length - 1)]] : nodes;
    }

    /* The one node a card shows, or -1 if it shows several or none. */
    node(card) {
        const shown = this.shown(card);
        return shown.length === 1 && this.cards[card].module < 0 ? shown[0] : -1;
    }

    /* {sum, edges} per arrow, the edges only those that end in a shown node. */
    get flows() {
        const key = `${this.graph.version}/${this.call}`;
        if (this.flowsKey !== key) {
            this.flowsKey = key;
            this.flowsFound = this.arrows.map((arrow, at) => {
                const only = this.cards[arrow.tail].percall ? this.node(arrow.tail) : -1;
                const edges = only < 0 ? this.edges[at] : this.edges[at].filter(
                    ([i, place]) => this.graph.inputs[i][place] === only);
                const terms = edges.map((edge) => this.graph.contribution(...edge));
                const sum = this.node(arrow.tail) < 0 ? extreme(terms)
                    : terms.reduce((a, b) => a + b, 0);
                return { sum, edges };
            });
        }
        return this.flowsFound;
    }

    /* The edge whose local derivative is printed on an arrow, if there is one to print. */
    printed(arrow) {
        const { edges } = this.flows[arrow], { head } = this.arrows[arrow];
        if (this.arrows[arrow].place < 0) return edges.length === 1 ? edges[0] : null;
        return edges.find(([i]) => i === this.node(head)) ?? null;
    }

    /* The grad a card shows at a step: {x, terms, pending}; x is null before anything arrived. */
    grad(card, step) {
        const arrows = this.outgoing[card].filter((arrow) => this.flows[arrow].edges.length);
        const node = this.node(card), isOutput = this.outputs.includes(card);
        const done = arrows.filter((arrow) => this.backwardStep[arrow] <= step);
        const uses = (list) => list.reduce((n, a) => n + this.flows[a].edges.length, 0);
        const state = { terms: [], seeds: 0, arrived: uses(done), uses: uses(arrows), x: null };
        if (!this.cards[card].nodes.length || step < this.seed) return state;
        if (node < 0) {
            const own = this.isOp[card] && isOutput;
            state.isWhole = done.length === arrows.length;
            if (done.length || own) state.x = state.isWhole ? this.largestGrad(card) : NaN;
            return state;
        }
        state.seeds = this.graph.outputs.filter((output) => output === node).length;
        state.terms = done.map((arrow) => this.flows[arrow].sum);
        if (state.seeds) state.terms.unshift(state.seeds);
        state.isWhole = done.length === arrows.length;
        if (state.terms.length) {
            state.x = state.isWhole ? this.graph.grad[node] : state.terms.reduce((a, b) => a + b);
        }
        return state;
    }

    largestGrad(card) {
        return extreme(this.shown(card).map((i) => this.graph.grad[i]));
    }

    range(card) {
        let low = Infinity, high = -Infinity;
        for (const i of this.shown(card)) {
            const x = this.graph.value[i];
            if (Number.isNaN(x)) return [x, x];
            [low, high] = [Math.min(low, x), Math.max(high, x)];
        }
        return [low, high];
    }

    /* The largest finite |grad| of all cards, for which colours are full; 1 if there is none. */
    get steepest() {
        return largestOf(this.cards.map((card, at) => this.largestGrad(at))) || 1;
    }

    /* The step here that shows what a step of another scene showed. */
    stepLike(other, at) {
        const step = other.steps[at];
        const here = (card) => this.cardOf[other.newest[card]];
        if (step.phase === "start") return 0;
        if (step.phase === "seed") return this.seed;
        if (step.phase === "end") return this.last;
        const card = here(step.card);
        if (step.phase === "forward") return card < 0 ? this.seed : this.forwardStep[card];
        const tail = here(other.arrows[step.arrow].tail);
        const steps = (this.incoming[card] ?? []).filter((a) => this.arrows[a].tail === tail);
        const found = (steps.length ? steps : this.incoming[card] ?? [])
            .map((arrow) => this.backwardStep[arrow]).filter(Number.isFinite);
        return found.length ? Math.min(...found) : this.last;
    }
}

/* The number that is largest in size, with its sign; a nan is larger than any. */
function extreme(numbers) {
    let largest = 0;
    for (const x of numbers) {
        if (Number.isNaN(x)) return x;
        if (Math.abs(x) > Math.abs(largest)) largest = x;
    }
    return largest;
}
