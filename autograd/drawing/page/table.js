/* All nodes as a table: what a screen reader reads, and where large graphs are searched.
 *
 *   column   {title, key, text, isNumber}: what to sort by, what a cell says
 *   row      a node; of those found only the first 500 are in the document
 */

const MOST_ROWS = 500;

class TablePanel {
    constructor(page) {
        this.page = page;
        this.root = byId("table");
        this.opener = byId("show-table");
        this.columns = this.makeColumns();
        this.sorted = { column: this.columns[0], isDown: false };
        this.build();
        this.opener.addEventListener("click", () => this.open(this.root.hidden));
        this.root.addEventListener("keydown", (event) => {
            if (event.key !== "Escape") return;
            event.preventDefault();
            this.leave();
        });
        for (const event of ["numbers", "step", "select", "view"]) {
            page.on(event, () => this.later());
        }
        page.on("restore", () => this.open(page.recall("table") === "1", false));
        this.open(page.recall("table") === "1", false);
    }

    makeColumns() {
        const { page } = this, { graph } = page;
        const lineOf = (i) => DATA.lines[DATA.nodes.line[i]]?.line ?? NaN;
        const words = (title, text) => ({ title, text, key: text });
        const number = (title, key, text) => ({ title, text, key, isNumber: true });
        return [
            number("#", (i) => i, (i) => String(i + 1)),
            words("name", (i) => fullName(page, i)),
            words("kind", (i) => page.names.kind(i)),
            words("op", (i) => DATA.ops[graph.op[i]]?.name ?? ""),
            words("made from", (i) => (graph.isLeaf(i) ? "" : page.formula(i))),
            number("value", (i) => graph.value[i], (i) => fmt(graph.value[i])),
            number("grad", (i) => graph.grad[i], (i) => fmt(graph.grad[i], { signed: true })),
            number("at this step", (i) => this.now(i) ?? NaN, (i) => this.said(i)),
            ...(DATA.nodes.line ? [{ ...words("line", placeOf), key: lineOf }] : []),
        ];
    }

    /* The grad that has arrived at a node by the present step, null if none has. Of the nodes on
       one card all have theirs or none: asked once for each card. */
    now(i) {
        const { page, arrived } = this, at = page.scene.cardOf[i];
        if (at < 0 || page.scene.node(at) === i) return page.gradAt(i);
        if (!arrived.has(at)) arrived.set(at, page.gradAt(i) !== null);
        return arrived.get(at) ? page.graph.grad[i] : null;
    }

    said(i) {
        const now = this.now(i);
        return now === null ? "–" : fmt(now, { signed: true });
    }

    build() {
        this.filter = el("input", { type: "search", placeholder: "name, op, kind, …",
            "aria-label": "Filter the nodes" });
        this.filter.addEventListener("input", () => this.later());
        this.count = el("span", { class: "hint", role: "status" });
        const close = el("button", { type: "button", class: "close", text: "Close" });
        close.addEventListener("click", () => this.leave());
        this.heads = this.columns.map((column) => {
            const button = el("button", { type: "button", text: column.title });
            button.addEventListener("click", () => {
                const isSame = this.sorted.column === column;
                this.sorted = { column, isDown: isSame && !this.sorted.isDown };
                this.later();
            });
            return el("th", { scope: "col", class: column.isNumber ? "number" : "" }, button);
        });
        this.body = el("tbody", {});
        const caption = el("caption", { text: "All nodes, numbered in the order they were made" });
        const table = el("table", {}, caption,
            el("thead", {}, el("tr", {}, ...this.heads)), this.body);
        this.root.replaceChildren(
            el("header", {}, el("h2", { text: "Nodes" }), this.filter, this.count, close),
            el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Nodes" },
                table));
    }

    open(isOpen, byHand = true) {
        this.root.hidden = !isOpen;
        this.opener.setAttribute("aria-expanded", String(isOpen));
        if (!byHand) return this.later();
        this.page.remember("table", isOpen ? "1" : null);
        this.show();
        if (isOpen) this.filter.focus();
    }

    leave() {
        this.open(false);
        this.opener.focus();
    }

    later() {
        this.frame ??= requestAnimationFrame(() => {
            this.frame = null;
            this.show();
        });
    }

    /* The nodes that the filter leaves, in order. */
    found() {
        const { page, filter, sorted: { column, isDown } } = this;
        const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
        let nodes = [...Array(page.graph.size).keys()];
        if (wanted.length) {
            const texts = this.columns.filter((c) => !c.isNumber);
            this.words ??= nodes.map((i) => texts.map((c) => c.text(i)).join(" ").toLowerCase());
            nodes = nodes.filter((i) => wanted.every((word) => this.words[i].includes(word)));
        }
        if (column === this.columns[0]) return isDown ? nodes.reverse() : nodes;
        const keys = new Map(nodes.map((i) => [i, column.key(i)]));
        const sign = isDown ? -1 : 1;
        return nodes.sort((i, j) => {
            const [a, b] = [keys.get(i), keys.get(j)];
            if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
            return a < b ? -sign : a > b ? sign : i - j;
        });
    }

    show() {
        if (this.root.hidden) return;
        this.arrived = new Map();
        const { page, sorted } = this, all = page.graph.size, found = this.found();
        const shown = found.slice(0, MOST_ROWS);
        this.heads.forEach((head, k) => {
            if (this.columns[k] !== sorted.column) head.removeAttribute("aria-sort");
            else head.setAttribute("aria-sort", sorted.isDown ? "descending" : "ascending");
        });
        this.count.textContent = shown.length < found.length
            ? `${MOST_ROWS} of ${grouped(found.length)} shown; narrow the filter`
            : `${grouped(found.length)} of ${countOf(all, "node")}`;
        const focused = this.body.contains(document.activeElement)
            ? document.activeElement.closest("tr").dataset.node : null;
        this.body.replaceChildren(...shown.map((i) => this.row(i)));
        this.body.querySelector(`[data-node="${focused}"] button`)?.focus();
    }

    row(i) {
        const { page } = this;
        const row = el("tr", { "data-node": i }, ...this.columns.map((column) => {
            const text = column.text(i);
            if (column.title === "name") {
                const button = el("button", { type: "button", class: "node", text });
                return el("th", { scope: "row" }, button);
            }
            return el("td", { class: column.isNumber ? "number" : "", text });
        }));
        if (i === page.selected) row.setAttribute("aria-current", "true");
        row.addEventListener("click", () => page.select(i));
        return row;
    }
}

function startTable(page) {
    return new TablePanel(page);
}
