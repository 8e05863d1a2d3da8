/* The controls around the picture: stepping, playing, views, search, zoom, theme, help, keys. */

const PLAY_TIME_OF_STEP = 1600;  // ms at speed 1
const MOST_RESULTS = 30, KEY_ZOOM = 1.25;
const CHROME = 240, PANEL = 390, FLATTEST = 260;  // px: all but the picture, a panel
const PHONE = 760, NARROW = 1000;

function onClick(id, f) {
    byId(id).addEventListener("click", f);
}

/* ---- stepping ---- */

class Transport {
    constructor(page) {
        this.page = page;
        this.slider = byId("slider");
        const go = { first: () => 0, back: () => page.step - 1, next: () => page.step + 1,
            last: () => page.scene.last };
        for (const [id, to] of Object.entries(go)) onClick(id, () => this.go(to()));
        onClick("play", () => this.toggle());
        this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
        byId("speed").addEventListener("change", () => this.timer && this.schedule());
        page.on("view", () => this.measure());
        page.on("step", () => this.show(true));
        page.on("numbers", () => this.show(false));
        page.on("call", () => this.show(false));
    }

    go(step) {
        this.stop();
        this.page.goTo(step);
    }

    toggle() {
        if (this.timer) return this.stop();
        if (this.page.step === this.page.scene.last) this.page.goTo(0);
        this.schedule();
    }

    schedule() {
        clearInterval(this.timer);
        const wait = PLAY_TIME_OF_STEP / Number(byId("speed").value);
        this.timer = setInterval(() => {
            this.page.goTo(this.page.step + 1);
            if (this.page.step === this.page.scene.last) this.stop();
        }, wait);
        this.showPlay();
    }

    stop() {
        clearInterval(this.timer);
        this.timer = null;
        this.showPlay();
    }

    showPlay() {
        byId("play").setAttribute("aria-label", this.timer ? "Pause" : "Play");
        byId("play").classList.toggle("playing", Boolean(this.timer));
    }

    measure() {
        const { scene } = this.page, { seed, last } = scene;
        this.slider.max = last;
        byId("phase-forward").style.flexGrow = seed;
        byId("phase-backward").style.flexGrow = last - seed;
    }

    show(isSpoken) {
        const { page } = this, { step, scene } = page;
        const { main, sub, chip } = page.telling.step(step);
        const shown = ([text, kind]) => (kind ? el("b", { class: kind, text }) : text);
        byId("main").replaceChildren(...main.map(shown));
        byId("sub").replaceChildren(...sub.map(shown));
        byId("chip").textContent = chip;
        byId("chip").className = `chip ${page.steps[step].phase}`;
        this.slider.value = step;
        this.slider.setAttribute("aria-valuetext", `step ${step} of ${scene.last}: ${chip}`);
        byId("where").textContent = `${step} / ${scene.last}`;
        for (const id of ["first", "back"]) byId(id).disabled = step === 0;
        for (const id of ["next", "last"]) byId(id).disabled = step === scene.last;
        if (isSpoken) page.announce(plain(main));
    }
}

/* ---- views, calls, reset ---- */

function startViews(page) {
    const { full, folded } = page.data;
    const call = byId("call");
    document.querySelector("label[for=call]").textContent = CALL;
    onClick("unfold-all", () => page.change(full, `All ${MODULE}s are open`));
    onClick("fold-all", () => page.change(folded, `All ${MODULE}s are folded`));
    onClick("reset", () => page.reset());
    call.addEventListener("change", () => {
        if (!page.setCall(Number(call.value) - 1)) {
            page.announce(`Expected a ${CALL} from 1 to ${page.view.calls}, got ${call.value}`);
        }
        call.value = page.call + 1;
    });
    page.on("call", () => { call.value = page.call + 1; });
    page.on("view", () => {
        const { calls } = page.view;
        byId("calls").hidden = !calls;
        byId("calls-of").textContent = `of ${grouped(calls)}`;
        call.max = calls;
        call.value = page.call + 1;
        for (const [id, view] of [["unfold-all", full], ["fold-all", folded]]) {
            byId(id).hidden = view < 0 || !page.data.modules.length || page.viewIndex === view;
        }
        byId("legend").replaceChildren(...legendOf(page.scene));
    });
    const showReset = () => { byId("reset").hidden = !page.isEdited; };
    page.on("numbers", showReset);
    page.on("view", showReset);
}

/* ---- the legend ---- */

function legendOf(scene) {
    const kinds = ["input", "parameter", "operation", "output", "constant", "module", "loop"]
        .filter((kind) => scene.cards.some((card) => card.kind === kind));
    const shades = ["n4", "n3", "n2", "n1", "n0", "zero", "p0", "p1", "p2", "p3", "p4"];
    const signs = { n4: "−", zero: "0", p4: "+" };
    const scale = el("span", { class: "scale", "aria-hidden": "true" }, ...shades.map(
        (shade) => el("span", { class: `shade ${shade}`, text: signs[shade] ?? "" })));
    const isMany = scene.cards.some((card) => card.count > 1 && !card.looped);
    const isCarried = scene.arrows.some((arrow) => arrow.carried);
    const names = kinds.map((kind) => el("span", { class: kind, text: kind }));
    return [
        el("span", { class: "kinds" }, ...names),
        el("span", {}, "∂ on an arrow: local derivative"),
        el("span", {}, "grad: raising it lowers the output ", scale, " raises it"),
        ...(isMany ? [el("span", {}, "×N: N alike, drawn once")] : []),
        ...(isCarried ? [el("span", {}, "dashed: to the next round")] : []),
    ];
}

/* ---- search ---- */

class Search {
    constructor(page) {
        Object.assign(this, { page, field: byId("search"), list: byId("results") });
        Object.assign(this, { found: [], at: 0 });
        this.field.addEventListener("input", () => this.look());
        this.field.addEventListener("focus", () => this.look());
        this.field.addEventListener("blur", () => this.close());
        this.field.addEventListener("keydown", (event) => this.key(event));
        this.list.addEventListener("pointerdown", (event) => {
            event.preventDefault();
            const row = event.target.closest("[data-at]");
            if (row) this.jump(Number(row.dataset.at));
        });
    }

    look() {
        const { names, graph, data } = this.page, typed = this.field.value.trim();
        const wanted = typed.toLowerCase();
        if (!wanted) return this.close();
        const ops = data.ops.map((op) => `${op.name} ${op.symbol}`.toLowerCase().includes(wanted));
        const has = (text) => Boolean(text) && text.toLowerCase().includes(wanted);
        const ranks = [[], [], [], [], []];
        for (let i = 0; i < graph.size; i++) {
            const label = data.nodes.full?.[i] ?? names.labels[i], name = label || names.name(i);
            if (name === typed) ranks[0].push(i);
            else if (name.toLowerCase() === wanted) ranks[1].push(i);
            else if (label.toLowerCase().startsWith(wanted)) ranks[2].push(i);
            else if (has(label)) ranks[3].push(i);
            else if (ops[graph.op[i]] || has(names.kind(i))) ranks[4].push(i);
        }
        const all = ranks.flat();
        this.found = all.slice(0, MOST_RESULTS);
        this.at = 0;
        const rows = this.found.map((i, k) => el("li", {
            role: "option", id: `result-${k}`, "data-at": k,
        }, el("span", { class: "name", text: names.name(i) }),
        el("span", { class: "hint", text: `${names.kind(i)}, ${fmt(graph.value[i])}` })));
        const more = all.length - rows.length;
        const note = !all.length ? "Nothing is called so; search by name or op" : more > 0
            ? `and ${grouped(more)} more; type more of the name` : "";
        byId("results-note").textContent = note;
        this.list.replaceChildren(...rows);
        byId("found").hidden = false;
        this.field.setAttribute("aria-expanded", "true");
        this.mark();
        this.page.announce(note || countOf(all.length, "result"));
    }

    mark() {
        const { list, field, at } = this;
        [...list.children].forEach((row, k) => row.setAttribute("aria-selected", String(k === at)));
        list.children[at]?.scrollIntoView({ block: "nearest" });
        if (this.found.length) field.setAttribute("aria-activedescendant", `result-${at}`);
        else field.removeAttribute("aria-activedescendant");
    }

    close() {
        byId("found").hidden = true;
        this.found = [];
        this.field.setAttribute("aria-expanded", "false");
        this.field.removeAttribute("aria-activedescendant");
    }

    key(event) {
        const move = { ArrowDown: 1, ArrowUp: -1 }[event.key], n = this.found.length;
        if (move && n) {
            this.at = (this.at + move + n) % n;
            this.mark();
        } else if (event.key === "Enter") this.jump(this.at);
        else if (event.key === "Escape") {
            this.field.value = "";
            this.close();
            this.field.blur();
        } else return;
        event.preventDefault();
    }

    jump(at) {
        const i = this.found[at];
        if (i === undefined) return;
        this.close();
        this.field.blur();
        this.page.jump(i);
    }
}

/* ---- notes above the picture ---- */

function startNotes(page) {
    const { notes, began, partials } = page.data, list = byId("notes");
    const said = [...notes];
    if (page.wrong >= 0) {
        said.push(`This page computes another number for ${page.name(page.wrong)} than Python did, `
            + "so nothing can be edited; all numbers shown are Python's.");
    } else if (partials && !notes.some((note) => note.includes("edit"))) {
        said.push("An op of this graph could not be written as JavaScript: nothing can be edited.");
    }
    const add = (kind, ...content) => {
        const named = { type: "button", class: "close", "aria-label": "Dismiss" };
        const close = el("button", named, "×");
        const item = el("li", { class: kind }, el("span", {}, ...content), close);
        close.addEventListener("click", () => item.remove());
        list.append(item);
    };
    if (began) {
        const jump = el("button", { type: "button", id: "began", text: "Show where" });
        jump.addEventListener("click", () => page.jump(began.node));
        add("bad", `A nan or inf began here: ${began.text} `, jump);
    }
    for (const note of said) add("", note);
}

/* ---- branches: what the function compared while it ran, with the present numbers ---- */

const COMPARISONS = {
    "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
    "==": (a, b) => a === b, "!=": (a, b) => a !== b, bool: (a) => a !== 0,
};

function startGuards(page) {
    const { guards = [], lines, files } = page.data, warning = byId("branch");
    const numberOf = (x) => (typeof x === "number" ? page.graph.value[x] : asNumber(x?.constant));
    const isOther = ({ left, op, right, taken }) =>
        COMPARISONS[op]?.(numberOf(left), numberOf(right)) === !taken;
    page.on("numbers", () => {
        const [first, ...more] = guards.filter(isOther), line = lines[first?.line];
        const where = line ? ` at ${files[line.file].name}:${line.line}` : "";
        const others = more.length ? `, and at ${countOf(more.length, "more place")}` : "";
        put(warning, "text", !first ? "" : "With these numbers the function would take another "
            + `branch${where} (${first.text})${others}. What you see follows the branch that was `
            + "taken.");
    });
}

/* ---- theme, zoom, layout ---- */

function startLook(page) {
    const { canvas } = page, root = document.documentElement;
    onClick("zoom-in", () => canvas.zoom(KEY_ZOOM));
    onClick("zoom-out", () => canvas.zoom(1 / KEY_ZOOM));
    onClick("fit", () => canvas.fit());
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const setTheme = () => {
        const asked = page.recall("theme");
        const isDark = asked === "dark" || (asked !== "light" && dark.matches);
        root.dataset.theme = isDark ? "dark" : "light";
    };
    onClick("theme", () => {
        page.remember("theme", root.dataset.theme === "dark" ? "light" : "dark");
        setTheme();
        page.emit("theme");
    });
    page.on("restore", setTheme);
    dark.addEventListener("change", setTheme);
    addEventListener("beforeprint", () => canvas.fit(false));
    onClick("help", () => byId("keys").showModal());
    onClick("close-help", () => byId("keys").close());
}

/* The panels stand beside the picture, or below it where that leaves it larger: many are wide. */
function arrange(page) {
    const root = document.documentElement, { width, height } = page.view;
    const [w, h] = [innerWidth, innerHeight - CHROME];
    const stage = Math.max(FLATTEST, Math.min(0.7 * h, ((height + 80) * w) / width));
    const beside = Math.min((w - PANEL) / width, h / height, 1);
    const isBelow = w < NARROW || Math.min(w / width, stage / height) > 1.15 * beside;
    root.dataset.panel = isBelow ? "below" : "beside";
    byId("stage").style.height = isBelow && w >= PHONE ? `${stage}px` : "";
}

/* ---- walking over the cards: one of them is in the order of Tab, keys go on from it ---- */

class Walk {
    constructor(page) {
        Object.assign(this, { page, canvas: page.canvas, roving: -1 });
        // Not on the picture itself: listening there would make it one more stop of Tab.
        byId("stage").addEventListener("focusin", (event) => this.focused(event));
        page.on("view", () => {
            const { order, cards } = page.scene;
            this.rove(order.find((at) => cards[at].nodes.length) ?? -1);
        });
    }

    rove(at) {
        this.canvas.cards[this.roving]?.root.setAttribute("tabindex", -1);
        this.roving = at;
        this.canvas.cards[at]?.root.setAttribute("tabindex", 0);
    }

    focused(event) {
        const at = event.target.closest("[data-card]")?.dataset.card;
        if (at === undefined) return;
        this.rove(Number(at));
        this.canvas.reveal([Number(at)]);
    }

    focus(at) {
        this.rove(at);
        this.canvas.cards[at]?.root.focus({ preventScroll: true });
    }

    /* Returns whether the key meant something to the card that has the focus. */
    key(event) {
        const fold = document.activeElement?.dataset?.fold;
        if (fold !== undefined && (event.key === "Enter" || event.key === " ")) {
            this.fold(Number(fold));
            return true;
        }
        if (document.activeElement !== this.canvas.cards[this.roving]?.root) return false;
        const at = this.roving, { scene } = this.page, { incoming, arrows, order } = scene;
        const heads = arrows.filter((arrow) => arrow.tail === at).map((arrow) => arrow.head);
        const tails = incoming[at].map((arrow) => arrows[arrow].tail);
        const place = order.indexOf(at);
        const beside = (step) => {
            const row = this.siblings(at), k = row.indexOf(at) + step;
            return row[k] ?? at;
        };
        const go = {
            ArrowLeft: () => tails[0], ArrowRight: () => heads[0],
            ArrowUp: () => beside(-1), ArrowDown: () => beside(1),
            PageUp: () => order[place - 1], PageDown: () => order[place + 1],
        }[event.key];
        if (go) this.focus(go() ?? at);
        else if (event.key === "Enter") this.enter(at);
        else if (event.key === " ") this.page.selectCard(at);
        else return false;
        return true;
    }

    enter(at) {
        const { page } = this, { scene } = page, node = scene.node(at);
        this.canvas.activate(at);
        if (node >= 0 && page.graph.isLeaf(node)) page.emit("field");
        else if (page.scene !== scene) this.focus(page.scene.cardOf[scene.newest[at]]);
    }

    fold(module) {
        this.page.fold(module);
        this.focus(this.page.scene.cards.findIndex((card) => card.module === module));
    }

    /* The cards that share an input or a user with one, as they stand below each other. */
    siblings(at) {
        const { scene } = this.page, { arrows, cards } = scene;
        const ends = arrows.filter((a) => a.tail === at || a.head === at);
        const found = new Set([at]);
        for (const { tail, head } of arrows) {
            if (ends.some((end) => end.head === head && end.tail === at)) found.add(tail);
            if (ends.some((end) => end.tail === tail && end.head === at)) found.add(head);
        }
        const [first, second] = this.page.view.rankdir === "LR" ? ["y", "x"] : ["x", "y"];
        return [...found].sort((a, b) => cards[a][first] - cards[b][first]
            || cards[a][second] - cards[b][second]);
    }
}

/* ---- keys ---- */

function startKeys(page, transport) {
    const { canvas } = page, walk = new Walk(page);
    const keys = {
        ArrowLeft: () => transport.go(page.step - 1), ArrowRight: () => transport.go(page.step + 1),
        ",": () => transport.go(page.step - 1), ".": () => transport.go(page.step + 1),
        Home: () => transport.go(0), End: () => transport.go(page.scene.last),
        " ": () => transport.toggle(),
        "+": () => canvas.zoom(KEY_ZOOM), "-": () => canvas.zoom(1 / KEY_ZOOM),
        0: () => canvas.zoom(1 / canvas.window.scale), f: () => canvas.fit(),
        "/": () => { byId("search").focus(); byId("search").select(); },
        "?": () => byId("keys").showModal(), Escape: () => escape(page),
    };
    addEventListener("keydown", (event) => {
        if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
        const isField = event.target.closest?.("input, select, textarea, dialog, #table");
        const isButton = event.target.closest?.("button") && /^( |Enter)$/.test(event.key);
        if ((isField || isButton) && event.key !== "Escape") return;
        const key = { "=": "+", "−": "-" }[event.key] ?? event.key;
        if (walk.key(event)) return event.preventDefault();
        if (!keys[key] || document.querySelector("dialog[open]")) return;
        event.preventDefault();
        keys[key]();
    });
}

function escape(page) {
    if (document.activeElement !== document.body) return document.activeElement.blur();
    page.select(null);
}
