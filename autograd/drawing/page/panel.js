/* Beside the picture: change the selected leaf, nudge it, and see how a grad is put together. */

const MOST_LISTED = 12;

class LeafPanel {
    constructor(page) {
        this.page = page;
        this.root = byId("leaf");
        const number = { type: "text", inputmode: "decimal", autocomplete: "off" };
        this.field = el("input", { ...number, id: "value", "aria-describedby": "refused" });
        this.label = el("label", { for: "value" });
        this.refused = el("p", { id: "refused", class: "refused" });
        this.was = el("p", { class: "hint" });
        this.h = el("input", { ...number, id: "h", value: "1e-4" });
        this.found = el("p", { class: "found" });
        this.terms = el("div", {});
        const button = (label, text, f) => {
            const made = el("button", { type: "button", "aria-label": label, text });
            made.addEventListener("click", f);
            return made;
        };
        this.form = el("div", { class: "edit" }, this.label,
            el("div", { class: "stepper" }, button("a bit less", "−", () => this.move(-1)),
                this.field, button("a bit more", "+", () => this.move(1))), this.was, this.refused);
        this.check = el("div", { class: "nudge" },
            el("p", {}, "Check the grad: ", button("", "nudge", () => this.nudge()),
                el("label", { for: "h" }, " by h = "), this.h), this.found);
        this.root.append(this.form, this.check, this.terms);
        this.field.addEventListener("change", () => {
            if (this.field.value !== this.written) this.take();
        });
        this.field.addEventListener("keydown", (event) => this.key(event));
        this.h.addEventListener("keydown", (event) => event.key === "Enter" && this.nudge());
        page.on("select", () => this.show());
        page.on("numbers", () => this.show());
        page.on("view", () => this.show());
        page.on("call", () => this.showTerms());
        page.on("step", () => this.showTerms());
        page.on("field", () => {
            this.field.focus();
            this.field.select();
        });
    }

    get node() {
        return this.page.selected;
    }

    show() {
        const { page, node } = this, { graph } = page;
        const isLeaf = node !== null && graph.isLeaf(node);
        this.form.hidden = this.check.hidden = !isLeaf;
        this.form.querySelectorAll("input, button").forEach((x) => { x.disabled = !page.canEdit; });
        this.check.hidden ||= !page.canEdit;
        this.found.replaceChildren();
        if (isLeaf) {
            this.label.textContent = `value of ${page.name(node)}`;
            this.refuse("");
            const x = graph.value[node], before = page.recorded[0][node];
            const isTyped = document.activeElement === this.field && parsed(this.field.value) === x;
            if (!isTyped) this.write(x);
            this.was.textContent = !page.canEdit ? "Numbers cannot be changed: see the note above."
                : Object.is(before, x) ? "" : `It was ${exactly(before)}.`;
        }
        this.showTerms();
    }

    take() {
        const x = parsed(this.field.value);
        if (Number.isFinite(x)) {
            this.page.edit(this.node, x);
            return this.refuse("");
        }
        const kept = this.page.graph.value[this.node];
        this.refuse(`Expected a number such as −0.3 or 1e-3, got ${quoted(this.field)}; `
            + `the value stays ${exactly(kept)}.`);
        this.write(kept);
    }

    /* Set the field. It fires "change" then, when Enter is pressed or it is left. */
    write(x) {
        this.field.value = this.written = exactly(x);
    }

    refuse(text) {
        if (text) this.page.announce(text);
        this.refused.textContent = text;
        this.field.setAttribute("aria-invalid", String(Boolean(text)));
    }

    move(steps) {
        const x = this.page.graph.value[this.node];
        if (Number.isFinite(x)) this.page.edit(this.node, rounded(x + steps * stepOf(x)));
    }

    key(event) {
        const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
        if (steps) {
            event.preventDefault();
            this.move(event.shiftKey ? steps / 10 : steps);
        } else if (event.key === "Enter") this.take();
        else if (event.key === "Escape") {
            event.preventDefault();
            this.write(this.page.graph.value[this.node]);
            this.refuse("");
            this.field.blur();
        }
    }

    /* The slope over a small step, beside the grad. */
    nudge() {
        const { page, node } = this, { graph } = page, h = parsed(this.h.value);
        const x = graph.value[node], name = page.telling.goal;
        if (!(x - h < x && x < x + h)) {
            const enough = h > 0 ? ` that is enough to change ${fmt(x)}` : "";
            const said = `Expected a small number above 0 for h${enough}, got ${quoted(this.h)}.`;
            this.found.textContent = said;
            return page.announce(said);
        }
        const [up, down] = [graph.goal(node, x + h), graph.goal(node, x - h)];
        const slope = graph.difference(node, h), grad = graph.grad[node];
        const row = ([term, x]) => [el("dt", { text: term }), el("dd", { text: precise(x) })];
        this.found.replaceChildren(el("dl", {}, ...[
            [`${name} at ${page.name(node)} + h`, up], [`${name} at ${page.name(node)} − h`, down],
            ["difference ÷ 2h", slope], ["grad", grad],
        ].flatMap(row)));
        page.announce(`difference divided by 2 h: ${fmt(slope)}; grad ${fmt(grad)}`);
    }

    /* What every use of the selected node sends back, and how far the sum has come. */
    showTerms() {
        const { page, node } = this, { scene, graph, names } = page;
        const at = node === null ? -1 : scene.cardOf[node];
        if (at < 0 || scene.node(at) !== node) return this.terms.replaceChildren();
        const grad = scene.grad(at, page.step), { x, uses, seeds, arrived, isWhole } = grad;
        if (uses + seeds < 2) return this.terms.replaceChildren();
        const rows = scene.outgoing[at].flatMap((arrow) => scene.flows[arrow].edges.map((edge) => {
            const isDone = scene.backwardStep[arrow] <= page.step, [i, place] = edge;
            const { percall, nodes } = scene.cards[scene.arrows[arrow].head];
            const call = percall ? `${CALL} ${nodes.indexOf(i) + 1}: ` : "";
            const from = el("span", { class: "from", text: call + names.name(i) });
            if (!isDone) {
                return el("li", { class: "pending" }, from, el("span"), el("span", {}, "–"));
            }
            const c = graph.contribution(i, place), p = graph.partial(i, place), g = graph.grad[i];
            const product = isSame(p * g, c, 0) ? `${fmt(p)} × ${enclosed(g)}` : "";  // 0, not nan
            return el("li", {}, from, el("span", { text: product }),
                el("span", { class: signClass(c), text: fmt(c, { signed: true }) }));
        }));
        if (seeds) {
            rows.unshift(el("li", {}, el("span", { class: "from", text: "the seed" }), el("span"),
                el("span", { class: "pos", text: fmt(seeds, { signed: true }) })));
        }
        const more = rows.length - MOST_LISTED;
        const rest = el("li", { class: "hint", text: `and ${more} more` });
        if (more > 0) rows.splice(MOST_LISTED, more, rest);
        const total = x === null ? "–" : fmt(x, { signed: true });
        this.terms.replaceChildren(
            el("h2", { text: `grad of ${page.name(node)}: a sum over ${usesOf(grad)}` }),
            el("ol", { class: "terms" }, ...rows),
            el("p", { class: "sum" }, isWhole ? "in all " : `${arrived} of ${uses} so far: `,
                el("strong", { class: signClass(x), text: total })));
    }
}

function quoted(field) {
    return `“${field.value.slice(0, 20)}”`;
}

/* Eight digits: enough to see where two numbers part. */
function precise(x) {
    return Number.isFinite(x) ? String(Number(x.toPrecision(8))).replaceAll("-", "−") : fmt(x);
}
