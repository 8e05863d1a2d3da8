/* The source text beside the graph: the line of the present step, or of the selected node, lit.
 *
 *   line    a line of a file; made: the nodes that came to be there, oldest first
 */

class SourcePanel {
    constructor(page) {
        this.page = page;
        this.root = byId("source");
        if (!DATA.nodes.line) {
            const how = el("code", { text: "explain(f, *args)" });
            this.root.replaceChildren(el("h2", { text: "Source" }),
                el("p", { class: "hint" }, "Lines were not recorded: ", how, " records them."));
            return;
        }
        this.made = new Map();
        DATA.nodes.line.forEach((at, i) => {
            const place = at < 0 ? "" : this.key(DATA.lines[at]);
            if (!this.made.has(place)) this.made.set(place, []);
            this.made.get(place).push(i);
        });
        this.build();
        page.on("step", () => this.show(page.stepNode() ?? page.selected));
        page.on("select", () => this.show(page.selected));
        this.show(page.stepNode() ?? page.selected);
    }

    key({ file, line }) {
        return `${file}:${line}`;
    }

    build() {
        this.scope = el("p", { class: "scope" });
        this.rows = new Map();
        const files = DATA.files.map(({ name, start, text }, file) => el("div", { class: "code",
            tabindex: 0, role: "group", "aria-label": name },
        el("h3", { text: name }),
        el("ol", {}, ...text.map((line, k) => this.row(file, start + k, line)))));
        this.root.replaceChildren(el("h2", { text: "Source" }), this.scope, ...files);
    }

    row(file, line, text) {
        const place = this.key({ file, line }), made = this.made.get(place);
        const code = el(made ? "button" : "span", { class: "text" }, text || " ");
        if (made) {
            code.type = "button";
            code.title = `${countOf(made.length, "node")} made here`;
            code.addEventListener("click", () => this.next(made, code.title));
        }
        const row = el("li", { value: line }, el("span", { class: "number", text: line }), code);
        this.rows.set(place, row);
        return row;
    }

    /* Select the first node that a line made, the next one on the next click. */
    next(made, title) {
        const at = (made.indexOf(this.page.selected) + 1) % made.length;
        this.page.select(made[at]);
        this.page.announce(`${this.page.name(made[at])}, ${at + 1} of ${title}`);
    }

    show(i) {
        const line = DATA.lines[DATA.nodes.line[i] ?? -1];
        const row = line && this.rows.get(this.key(line));
        this.lit?.removeAttribute("aria-current");
        this.lit = row;
        const scope = line?.scope.length ? `, in ${line.scope.join(" › ")}` : "";
        const given = i === null ? "" : "Given: it has no line.";
        this.scope.textContent = line ? placeOf(i) + scope : given;
        if (!row) return;
        row.setAttribute("aria-current", "true");
        const code = row.closest(".code"), top = row.offsetTop - code.clientHeight / 2;
        code.scrollTo({ top, behavior: isCalm() ? "auto" : "smooth" });
    }
}

function startSource(page) {
    return new SourcePanel(page);
}
