/* The chain rule of the selected node: its paths to the outputs, symbols above numbers.
 *
 *   path     [[user, place], ...] from the node up to an output; each is one arrow, so that in x*x
 *            two paths lead to x
 *   factor   the local derivative along one arrow; the product of a path's is what it contributes
 *   count    of the paths: added up over users, never by walking them
 */

const MOST_PATHS = 16, MOST_TERMS = 4;
/* Of a longer path only the ends are shown. */
const MOST_FACTORS = 7, NEAR = 3, FAR = 2;
const HINT = "Select a card to see how its grad comes about: every way from it to the output.";

function countPaths(graph, from) {
    const { size, users, outputs } = graph;
    const isAbove = new Uint8Array(size), count = new Float64Array(size);
    isAbove[from] = 1;
    for (let i = from; i < size; i++) {
        if (isAbove[i]) for (const [user] of users[i]) isAbove[user] = 1;
    }
    for (const i of outputs) count[i] = isAbove[i];
    for (let i = size - 1; i >= from; i--) {
        if (isAbove[i]) for (const [user] of users[i]) count[i] += count[user];
    }
    return count[from];
}

/* The paths one by one, in the order of the backward sweep: newest user first. */
function* walkPaths({ users, outputs }, from) {
    const ends = new Set(outputs), path = [], left = [users[from].length], at = [from];
    if (ends.has(from)) yield [];
    while (at.length) {
        const use = users[at.at(-1)][--left[left.length - 1]];
        if (use) {
            path.push(use);
            at.push(use[0]);
            left.push(users[use[0]].length);
            if (ends.has(use[0])) yield [...path];
        } else [path, at, left].forEach((stack) => stack.pop());
    }
}

/* What a stretch of a path hands on of an adjoint of 1: as in the sweep, 0 stays 0. */
function alongPath(graph, stretch) {
    return stretch.reduceRight((adjoint, edge) => graph.handed(...edge, adjoint), 1);
}

function manyOf(n, what) {
    if (n < 2 ** 53) return countOf(n, what);
    return `${Number.isFinite(n) ? `about ${fmt(n)}` : "more than 1e308"} ${what}s`;
}

/* One column of a path: a symbol above a number. */
function column(above, below, kind = "") {
    return el("span", { class: `column ${kind}` },
        el("span", { class: "above" }, above), el("span", { class: "below" }, below));
}

class ChainPanel {
    constructor(page) {
        Object.assign(this, { page, root: byId("chain"), shown: null });
        for (const event of ["select", "numbers", "view"]) page.on(event, () => this.show());
        this.show();
    }

    show() {
        const { selected, card } = this.page;
        if (selected !== this.shown) this.pin(null);
        this.shown = selected;
        const parts = selected !== null ? this.node(selected) : card ? this.card(card)
            : [this.title("Chain rule"), el("p", { class: "hint", text: HINT })];
        this.root.replaceChildren(...parts);
        this.light(null);
    }

    title(text, kind = "") {
        return el("h2", { tabindex: -1 }, text, el("span", { class: "kind", text: kind }));
    }

    /* Keep one path lit in the picture; null: none. */
    pin(k, nodes = null) {
        [this.pinned, this.pinnedNodes] = [k, nodes];
        this.light(null);
        this.root.querySelectorAll(".path").forEach((path, at) => { path.ariaPressed = at === k; });
    }

    light(nodes) {
        this.page.highlight(nodes ?? this.pinnedNodes);
    }

    node(i) {
        const { page } = this, { graph } = page;
        const facts = el("dl", { class: "facts" });
        const add = (term, fact) => facts.append(el("dt", { text: term }), el("dd", {}, fact));
        const name = fullName(page, i), made = graph.isLeaf(i) ? name : page.formula(i);
        if (made !== name) add("made by", made);
        add("value", exactly(graph.value[i]));
        add("grad", exactly(graph.grad[i]));
        if (placeOf(i)) add("line", placeOf(i));
        return [this.title(name, page.names.kind(i)), facts, ...this.rule(i)];
    }

    /* A card of several nodes: a folded module, or nodes that are alike. */
    card({ module, kind, nodes, name, badge, count, row }) {
        const what = module >= 0 ? `folded ${MODULE}` : `${kind}s that are alike`;
        const of = module >= 0 ? ` of ${DATA.modules[module].path}: ${row}` : "";
        const list = nodes.slice(0, MOST_PATHS).map((i) => el("li", {}, nodeButton(this.page, i)));
        const more = grouped(nodes.length - list.length);
        if (more !== "0") list.push(el("li", { class: "hint", text: `… and ${more} more` }));
        const times = count > 1 ? ` ×${grouped(count)}` : "";
        return [
            this.title((name || badge) + times, what),
            el("p", { text: `This card stands for ${countOf(nodes.length, "node")}${of}.` }),
            el("ul", { class: "nodes" }, ...list),
        ];
    }

    rule(i) {
        const { graph } = this.page, count = countPaths(graph, i), terms = [], list = [];
        for (const path of walkPaths(graph, i)) {
            terms.push(alongPath(graph, path));
            list.push(el("li", {}, this.path(i, path, list.length, terms.at(-1))));
            if (list.length === MOST_PATHS) break;
        }
        const sum = terms.reduce((a, b) => a + b, 0), grad = graph.grad[i];
        const more = count - terms.length;
        if (more > 0) {
            const rest = fmt(grad - sum, { signed: true });
            const text = `… and ${manyOf(more, "more path")}, together ${rest}`;
            list.push(el("li", { class: "hint", text }));
        }
        const isShort = more === 0 && terms.length > 1 && terms.length <= MOST_TERMS;
        const total = el("p", { class: "sum" }, isShort ? `${asSum(terms)} = ` : "sum = ",
            el("strong", { class: signClass(grad), text: fmt(grad, { signed: true }) }), " = grad");
        if (more === 0 && !isSame(sum, grad, 1e-9 * largestOf(terms))) {
            total.append(` (the products alone: ${fmt(sum)}; the sweep adds up at every node)`);
        }
        return [el("h3", { text: `Chain rule: ${manyOf(count, "path")}` }),
            el("ol", { class: "paths" }, ...list), total];
    }

    /* A path as a button that lights it in the picture. */
    path(i, path, at, product) {
        const nodes = [i, ...path.map(([user]) => user)], factors = this.factors(nodes, path);
        const said = (key) => factors.map((factor) => factor[key]).join(" times ");
        const isProduct = factors.length > 1;
        const result = isProduct ? [el("span", {}, column("", "="),
            column("", fmt(product), signClass(product)))] : [];
        const button = el("button", { type: "button", class: "path",
            "aria-pressed": String(at === this.pinned),
            "aria-label": `${said("symbol")} equals ${said("number")}`
                + `${isProduct ? ` equals ${fmt(product)}` : ""}` },
        ...factors.map(({ shown }, k) => el("span", {}, ...(k ? [column("·", "×")] : []), shown)),
        ...result);
        for (const [on, off] of [["pointerenter", "pointerleave"], ["focus", "blur"]]) {
            button.addEventListener(on, () => this.light(nodes));
            button.addEventListener(off, () => this.light(null));
        }
        button.addEventListener("click", () =>
            (this.pinned === at ? this.pin(null) : this.pin(at, nodes)));
        return button;
    }

    /* {symbol, number, shown}, from the output's end down to the node. */
    factors(nodes, path) {
        const { page } = this, { graph } = page;
        const factor = (above, below, x) => ({
            symbol: `d ${fullName(page, above)} by d ${fullName(page, below)}`, number: fmt(x),
            shown: column(el("span", { class: "fraction" }, ...[above, below].map((j) =>
                el("span", { title: fullName(page, j), text: `∂${page.name(j)}` }))), enclosed(x)),
        });
        if (!path.length) return [factor(nodes[0], nodes[0], 1)];
        const at = (k) => factor(nodes[k + 1], nodes[k], graph.partial(...path[k]));
        const down = [...path.keys()].reverse();
        if (path.length <= MOST_FACTORS) return down.map(at);
        const hidden = path.slice(FAR, path.length - NEAR), x = alongPath(graph, hidden);
        const middle = {
            symbol: `${countOf(hidden.length, "factor")} between`, number: fmt(x),
            shown: column(`… ${grouped(hidden.length)} more …`, enclosed(x), "hint"),
        };
        return [...down.slice(0, NEAR).map(at), middle, ...down.slice(-FAR).map(at)];
    }
}

/* ---- what the panels share ---- */

function fullName(page, i) {
    return DATA.nodes.full?.[i] || page.name(i);
}

/* A node's source line as "model.py:12", "" if it was not recorded. */
function placeOf(i) {
    const line = DATA.nodes.line && DATA.lines[DATA.nodes.line[i]];
    return line ? `${DATA.files[line.file].name}:${line.line}` : "";
}

function nodeButton(page, i) {
    const parts = page.name(i).split(/(?<=\.)/).flatMap((part) => [el("wbr"), part]);
    const button = el("button", { type: "button", class: "node" }, ...parts);
    button.addEventListener("click", () => {
        page.select(i);
        if (!button.isConnected) document.querySelector("#chain h2").focus();
    });
    return button;
}

function startChain(page) {
    return new ChainPanel(page);
}
