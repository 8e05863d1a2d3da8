/* The picture: cards and arrows of the present view, how they look at a step, and the window on them.
 *
 *    at       a card or an arrow: its place in the view
 *    window   {x, y, scale}: the corner of the viewBox, and screen pixels per pixel of the view
 *    fresh    not computed yet at this step; lit   on the path that is shown
 */

const HEADER = 28, ROW = 24, NOTE = 18, PAD = 10, ROUND = 6;  // px, as Python left room for
const BADGE = 46, LETTER = 8, BADGE_PAD = 20;
const HEAD_LENGTH = 9, HEAD_WIDTH = 4;
const LEAST_SCALE = 0.05, MOST_SCALE = 4, FIT_SCALE = 1.6, LEGIBLE = 0.5, CLOSE = 0.8, MARGIN_AROUND = 16;
const CLICK = 4;  // px a pointer may move in a click
const MOST_SHOWN_TERMS = 3;
const KEY_ZOOM = 1.25;

/* An element: el("p", {class: "note", text: "…"}, children or strings). */
function el(tag, attributes = {}, ...children) {
    return furnish(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
    return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function furnish(element, { text, ...attributes }, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === true) element.setAttribute(name, "");
        else if (value !== false && value !== null && value !== undefined && value !== "") {
            element.setAttribute(name, value);
        }
    }
    if (text !== undefined) element.textContent = text;
    element.append(...children);
    return element;
}

/* Change an attribute or a text only if it is not so already. */
function put(element, name, value) {
    if (name === "text") {
        if (element.textContent === value) return false;
        element.textContent = value;
    } else if (element.getAttribute(name) === value) return false;
    else element.setAttribute(name, value);
    return true;
}

function isCalm() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/* A box with some corners round. */
function box(x, y, w, h, { top = false, bottom = false, left = true, right = true }) {
    const r = (is) => (is ? ROUND : 0);
    const [a, b, c, d] = [r(top && left), r(top && right), r(bottom && right), r(bottom && left)];
    return `M${x + a},${y}H${x + w - b}q${b},0 ${b},${b}V${y + h - c}q0,${c} ${-c},${c}`
        + `H${x + d}q${-d},0 ${-d},${-d}V${y + a}q0,${-a} ${a},${-a}z`;
}

class Canvas {
    constructor(page, root) {
        Object.assign(this, { page, root, window: { x: 0, y: 0, scale: 1 }, isFitted: true });
        this.pointers = new Map();
        root.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
        for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
            root.addEventListener(kind, (event) => this[kind](event));
        }
        root.addEventListener("mousedown", (event) => {  // a click selects, only keys move the focus
            event.preventDefault();
            document.activeElement?.blur();
        });
        root.parentNode.addEventListener("focusin", (event) => this.focused(event));  // on root itself
        // it would make root one more stop of Tab
        new ResizeObserver(() => this.resized()).observe(root);
        page.on("view", () => this.draw());
        page.on("step", () => { this.paint(); this.follow(); });
        page.on("call", () => this.paint());
        page.on("select", () => this.paint());
        page.on("numbers", () => this.paint({ isFlashing: !page.isRestoring && !isCalm() }));
    }

    /* ---- drawing a view ---- */

    draw() {
        const { scene } = this.page, { view } = scene;
        this.cards = scene.cards.map((card, at) => this.card(card, at));
        this.arrows = scene.arrows.map((arrow, at) => this.arrow(arrow, at));
        this.root.replaceChildren(
            svg("g", { class: "frames" }, ...view.frames.map((frame) => this.frame(frame))),
            svg("g", { class: "arrows" }, ...this.arrows.map(({ root }) => root)),
            svg("g", { class: "cards" }, ...scene.order.map((at) => this.cards[at].root)),
            svg("g", { class: "labels" }, ...this.arrows.map(({ label }) => label).filter(Boolean)),
            ...this.callout());
        this.root.setAttribute("aria-label", `Computation graph: ${countOf(scene.cards.length, "card")}`);
        for (const { name, room } of this.cards) this.squeeze(name, room);  // once it is in the document
        this.rove(scene.order.find((at) => scene.cards[at].nodes.length) ?? -1);
        this.lit = null;
        this.paint();
        this.open();
    }

    card(card, at) {
        const { w, h, badge, name, count, kind } = card;
        const title = count > 1 ? `${name} ×${count.toLocaleString("en")}`.trim() : name;
        const rows = Math.max(0, Math.round((h - HEADER) / ROW - 0.4)), isModule = card.module >= 0;
        const leaf = !isModule && card.nodes.length && this.page.graph.isLeaf(card.nodes[0]);
        const part = { at, title: svg("title"), rows };
        const across = !badge ? 0 : title ? Math.max(BADGE, LETTER * badge.length + BADGE_PAD) : w;
        const left = Math.min(across, w), isLast = !rows;
        const isOpening = isModule && this.page.viewOpening(card.module) >= 0, right = isOpening ? 20 : 0;
        part.room = w - left - right - PAD;
        part.name = svg("text", { class: "name", x: (left + w - right) / 2, y: 20, text: title });
        part.root = svg("g", {
            class: `card ${kind}`, transform: `translate(${card.x},${card.y})`, role: "group",
            "data-card": at, tabindex: -1,
        }, part.title,
        svg("rect", { class: "ring", x: -5, y: -5, width: w + 10, height: h + 10, rx: ROUND + 4 }),
        svg("rect", { class: "body", width: w, height: h, rx: ROUND }),
        svg("path", { class: "header", d: box(0, 0, w, HEADER, { top: true, bottom: isLast }) }));
        if (left) {
            part.root.append(
                svg("path", { class: "badge", d: box(0, 0, left, HEADER,
                    { top: true, bottom: isLast, right: left === w }) }),
                svg("text", { class: "symbol", x: left / 2, y: 20, text: badge }));
        }
        if (left < w) part.root.append(part.name);
        if (rows) {
            part.value = svg("text", { class: "value", x: w - PAD, y: HEADER + 18 });
            part.grad = svg("text", { class: "grad", x: w - PAD, y: HEADER + ROW + 18 });
            part.shade = svg("path", { d: box(0, HEADER + ROW, w, ROW,
                { bottom: h < HEADER + 2 * ROW + NOTE }) });
            part.notes = [];
            for (let y = HEADER + 2 * ROW; y + NOTE <= h + 1; y += NOTE) {
                part.notes.push(svg("text", { class: "note", x: w / 2, y: y + 13 }));
            }
            part.isMany = this.page.scene.node(at) < 0;
            const [value, grad] = part.isMany ? ["", "max grad"] : ["value", "grad"];
            part.root.append(
                svg("rect", { class: leaf ? "handle" : "row", y: HEADER, width: w, height: ROW }),
                svg("text", { class: "term", x: PAD, y: HEADER + 17, text: value }),
                part.value, part.shade,
                svg("text", { class: "term", x: PAD, y: HEADER + ROW + 17, text: grad }),
                part.grad, ...part.notes);
            if (part.isMany) part.value.setAttribute("class", isModule ? "row-text" : "range");
            if (isModule) part.value.setAttribute("x", PAD);
        }
        part.root.append(svg("rect", { class: "border", width: w, height: h, rx: ROUND }));
        if (isOpening) {
            part.root.append(svg("path", { class: "plus", d: `M${w - 15},9v10m-5,-5h10` }));
        }
        return part;
    }

    arrow(arrow, at) {
        const points = arrow.points, tip = points.at(-1);
        const from = points.findLast(([x, y]) => Math.hypot(tip[0] - x, tip[1] - y) > 1) ?? tip;
        const size = Math.hypot(tip[0] - from[0], tip[1] - from[1]) || 1;
        const [ux, uy] = [(tip[0] - from[0]) / size, (tip[1] - from[1]) / size];
        const back = (k) => `${(tip[0] - k * ux).toFixed(1)},${(tip[1] - k * uy).toFixed(1)}`;
        const curve = points.slice(1, -1).map((p) => p.join(",")).join(" ");
        const d = (end) => `M${points[0].join(",")}C${curve} ${end}`;
        const side = (k) => `${(tip[0] - HEAD_LENGTH * ux + k * uy).toFixed(1)},`
            + `${(tip[1] - HEAD_LENGTH * uy - k * ux).toFixed(1)}`;
        const part = { title: svg("title"), line: svg("path", { class: "line", d: d(back(6)) }) };
        part.root = svg("g", { class: "arrow", "data-arrow": at }, part.title,
            svg("path", { class: "reach", d: d(tip.join(",")) }), part.line,
            svg("path", { class: "head", d: `M${tip.join(",")}L${side(HEAD_WIDTH)} ${side(-HEAD_WIDTH)}z` }),
            svg("path", { class: "dots", d: d(back(6)) }));
        if (arrow.label) {
            const [x, y] = arrow.label;
            part.label = svg("text", { class: "partial", x, y: y + 4 });
        }
        return part;
    }

    frame({ module, x, y, w, h }) {
        const { name, path } = DATA.modules[module], target = this.page.viewFolding(module);
        const root = svg("g", { class: "frame" },
            svg("rect", { class: "area", x, y, width: w, height: h, rx: 10 }));
        const text = svg("text", { class: "frame-name", x: x + (target >= 0 ? 36 : 12), y: y + 20, text: name });
        if (target >= 0) {
            root.append(svg("g", { class: "fold", role: "button", tabindex: 0, "data-fold": module,
                "aria-label": `Fold ${path}` },
            svg("rect", { x: x + 9, y: y + 6, width: 19, height: 19, rx: 4 }),
            svg("path", { d: `M${x + 14},${y + 15.5}h9` })));
        }
        root.append(text);
        return root;
    }

    /* Where a nan or inf began. */
    callout() {
        const at = DATA.began ? this.page.scene.cardOf[DATA.began.node] : -1;
        if (!DATA.began || at < 0) return [];
        const { x, y, w } = this.page.scene.cards[at];
        const said = `began here: ${DATA.began.text}`, wide = 9 * said.length + 20;
        return [svg("g", { class: "callout", transform: `translate(${x + w / 2},${y})` },
            svg("path", { d: `M-7,-12h14l-7,8z` }),
            svg("rect", { x: -wide / 2, y: -36, width: wide, height: 25, rx: ROUND }),
            svg("text", { y: -18, text: said }))];
    }

    squeeze(text, room) {
        text.removeAttribute("textLength");
        if (text.textContent.length > 4 && text.getComputedTextLength() > room) {
            text.setAttribute("textLength", room);
            text.setAttribute("lengthAdjust", "spacingAndGlyphs");
        }
    }

    /* ---- how it looks at a step ---- */

    paint({ isFlashing = false } = {}) {
        const { scene, step } = this.page;
        this.steepest = scene.steepest;
        const now = scene.steps[step], ends = this.current(now);
        this.cards.forEach((part, at) => this.paintCard(part, at, ends.cards, isFlashing));
        this.arrows.forEach((part, at) => this.paintArrow(part, at, now, ends.arrows));
        this.root.classList.toggle("dimmed", Boolean(this.lit));
        this.root.classList.toggle("back", now.phase === "backward");
    }

    /* The cards and arrows of a step. */
    current(step) {
        const { scene } = this.page, { incoming, arrows } = scene;
        if (step.phase === "forward") return { cards: [step.card], arrows: incoming[step.card] };
        if (step.phase === "seed") return { cards: scene.outputs, arrows: [] };
        if (step.phase === "backward") return { cards: [arrows[step.arrow].tail], arrows: [step.arrow] };
        return { cards: [], arrows: [] };
    }

    paintCard(part, at, current, isFlashing) {
        const { scene, step, selected, card: chosen } = this.page, card = scene.cards[at];
        const isKnown = scene.forwardStep[at] <= step, grad = scene.grad(at, step);
        const isSelected = selected === null ? card === chosen && card.nodes.length > 0
            : scene.cardOf[selected] === at;
        const { classList } = part.root;
        classList.toggle("fresh", !isKnown);
        classList.toggle("current", current.includes(at));
        classList.toggle("selected", isSelected);
        classList.toggle("lit", Boolean(this.lit?.cards.has(at)));
        const text = this.texts(at, isKnown, grad);
        put(part.root, "aria-label", text.label);
        put(part.title, "text", text.tip);
        if (card.values && put(part.name, "text", text.value)) this.squeeze(part.name, part.room);
        if (!part.rows) return;
        const [isNew, isOther] = [put(part.value, "text", text.value), put(part.grad, "text", text.grad)];
        if (isNew) this.squeeze(part.value, card.w - 2 * PAD - (part.isMany ? 0 : 42));
        if (isOther) this.squeeze(part.grad, card.w - 2 * PAD - (part.isMany ? 62 : 36));
        put(part.shade, "class", `shade ${this.shade(grad)}`);
        classList.toggle("wrong", text.isBad[0] || text.isBad[1]);
        part.value.classList.toggle("bad", text.isBad[0]);
        part.grad.classList.toggle("bad", text.isBad[1]);
        part.notes.forEach((note, k) => put(note, "text", text.notes[k] ?? ""));
        if ((isNew || isOther) && isFlashing) {
            classList.remove("changed");
            part.root.getBBox();  // begin again
            classList.add("changed");
        }
    }

    texts(at, isKnown, grad) {
        const { scene, names } = this.page, { graph } = scene, card = scene.cards[at];
        const i = scene.node(at), title = this.page.telling.title(at);
        if (card.values) {
            const x = asNumber(card.percall ? card.values[scene.call] : card.values[0]);
            const value = card.percall ? fmt(x)
                : card.count > 1 ? `${card.name} ×${card.count.toLocaleString("en")}` : card.name;
            return { value, label: `constant ${value}`, tip: `constant ${exactly(x)}` };
        }
        let [low, high] = i >= 0 ? [graph.value[i], graph.value[i]] : scene.range(at);
        let value = !isKnown ? "–" : low === high || i >= 0 ? fmt(low) : `${fmt(low)} … ${fmt(high)}`;
        if (card.module >= 0) value = card.row;
        const { x } = grad, isPart = i < 0 && x !== null && !grad.isWhole;
        const shown = isPart ? "…" : x === null ? "–" : fmt(x, { signed: true });
        const isBad = [isKnown && !Number.isFinite(high - low), x !== null && !isPart && !Number.isFinite(x)];
        const said = isKnown ? value : "not yet computed";
        const kind = i >= 0 ? names.kind(i) : card.module >= 0 ? "module" : card.kind;
        const open = card.module >= 0 && this.page.viewOpening(card.module) >= 0 ? ", Enter opens it" : "";
        const label = `${title}, ${kind}, ${card.module >= 0 ? "" : "value "}${said}, `
            + `grad ${x === null ? "none yet" : isPart ? "arriving" : shown}${open}`;
        const made = i >= 0 && !graph.isLeaf(i) ? ` = ${names.formula(i)}` : "";
        const full = i >= 0 ? DATA.nodes.full?.[i] ?? title : title;
        const digits = i >= 0 && isKnown ? `\nvalue ${exactly(low)}` : "";
        const uses = grad.uses > 1 && grad.isWhole ? `\nsum over ${grad.uses} uses` : "";
        const tip = `${full}${made === ` = ${full}` ? "" : made}${digits}`
            + `${x === null ? "\nno grad yet" : isPart ? "" : `\ngrad ${exactly(x)}`}${uses}`;
        return { value, grad: shown, label, tip, isBad, notes: this.notes(i, grad) };
    }

    /* The grad as the sum it is, while it grows. */
    notes(i, { terms, arrived, uses, isWhole, x }) {
        if (i < 0 || uses < 2 || x === null) return [];
        const said = isWhole ? `sum over ${uses.toLocaleString("en")} uses` : `${arrived} of ${uses} uses`;
        if (terms.length > MOST_SHOWN_TERMS || terms.length < 2) return [said];
        return [`= ${asSum(terms)}${isWhole ? "" : " …"}`, said];
    }

    shade(grad) {
        const { x } = grad;
        if (x === null || (!grad.isWhole && Number.isNaN(x) && !grad.terms.length)) return "none";
        if (!Number.isFinite(x)) return "bad";
        if (x === 0) return "zero";
        const size = Math.min(4, Math.floor(5 * Math.sqrt(Math.abs(x) / this.steepest)));
        return `${x < 0 ? "n" : "p"}${size}`;
    }

    paintArrow(part, at, now, current) {
        const { scene, step } = this.page, { graph } = scene, arrow = scene.arrows[at];
        const isBack = scene.backwardStep[at] <= step, isCurrent = current.includes(at);
        const { sum, edges } = scene.flows[at], printed = scene.printed(at);
        const isKnown = scene.forwardStep[arrow.head] <= step;
        const sign = !isBack || !edges.length ? "" : Number.isFinite(sum) ? signClass(sum) : "bad";
        const kind = `${sign} ${isCurrent ? "current" : ""} ${isKnown ? "" : "fresh"} `
            + `${this.lit?.arrows.has(at) ? "lit" : ""}`;
        put(part.root, "class", `arrow ${kind}`.trim());
        const share = Number.isFinite(sum) ? Math.min(1, Math.abs(sum) / this.steepest) : 0;
        put(part.line, "stroke-width", isBack ? (1 + 2 * Math.sqrt(share)).toFixed(2) : "1.2");
        const p = printed ? graph.partial(...printed) : NaN;
        if (part.label) {
            const isShown = printed && step >= scene.seed;
            put(part.label, "class", `partial ${kind}`.trim());
            put(part.label, "text", isShown ? `∂ ${fmt(p)}` : "");
        }
        const local = printed ? `∂ ${exactly(p)}: local derivative of ${this.page.formula(printed[0])} `
            + `by ${this.page.name(graph.inputs[printed[0]][printed[1]])}`
            : edges.length ? countOf(edges.length, "arrow") : "a constant: no gradient";
        put(part.title, "text", isBack && edges.length
            ? `${local}\n${exactly(sum)} flows back${edges.length > 1 ? " in all" : ""}` : local);
    }

    /* Show a way through the graph, given by its nodes; null: none. */
    highlight(nodes) {
        const { scene } = this.page;
        this.lit = nodes && { cards: new Set(nodes.map((i) => scene.cardOf[i])), arrows: new Set() };
        nodes?.slice(1).forEach((i, k) => {
            scene.arrows.forEach(({ tail, head }, at) => {
                if (tail === scene.cardOf[nodes[k]] && head === scene.cardOf[i]) this.lit.arrows.add(at);
            });
        });
        this.paint();
    }

    /* ---- the window ---- */

    get size() {
        return { width: this.root.clientWidth || 1, height: this.root.clientHeight || 1 };
    }

    look({ x, y, scale }, isSmooth = false) {
        cancelAnimationFrame(this.gliding);
        const to = { x, y, scale: Math.max(LEAST_SCALE, Math.min(MOST_SCALE, scale)) };
        if (!isSmooth || isCalm()) return this.place(to);
        const from = { ...this.window }, began = performance.now();
        const glide = (now) => {
            const t = Math.min(1, Math.max(0, now - began) / 280), eased = 1 - (1 - t) ** 3;
            const at = (key) => from[key] + (to[key] - from[key]) * eased;
            this.place({ x: at("x"), y: at("y"), scale: at("scale") });
            if (t < 1) this.gliding = requestAnimationFrame(glide);
        };
        this.gliding = requestAnimationFrame(glide);
    }

    place(window) {
        this.window = window;
        const { width, height } = this.size, { x, y, scale } = window;
        this.root.setAttribute("viewBox",
            [x, y, width / scale, height / scale].map((n) => n.toFixed(2)).join(" "));
    }

    fitted() {
        const { view } = this.page, { width, height } = this.size, m = 2 * MARGIN_AROUND;
        const top = DATA.began ? 40 : 0;
        const [w, h] = [view.width + m, view.height + m + top];
        const scale = Math.min(width / w, height / h, FIT_SCALE);
        return { x: (view.width - width / scale) / 2, y: (view.height - top - height / scale) / 2, scale };
    }

    fit(isSmooth = true) {
        this.look(this.fitted(), isSmooth);
        this.isFitted = true;
    }

    /* All of a view if that can be read, else its present step or its end. */
    open() {
        const whole = this.fitted(), isLegible = whole.scale >= LEGIBLE;
        this.look(isLegible ? whole : { ...whole, scale: CLOSE });
        if (!isLegible) {
            const { scene, step } = this.page, [card] = this.current(scene.steps[step]).cards;
            this.centre(card ?? scene.outputs[0] ?? scene.order.at(-1), false);
        }
        this.isFitted = true;
    }

    centre(at, isSmooth = true) {
        const card = this.page.scene.cards[at];
        if (card) this.aim(card, this.window.scale, isSmooth);
    }

    /* Look at the middle of a box, but not past the ends of the view. */
    aim({ x, y, w, h }, scale, isSmooth) {
        const { width, height } = this.page.view;
        const within = (middle, room, length) => (room >= length + 2 * MARGIN_AROUND
            ? (length - room) / 2
            : Math.max(-MARGIN_AROUND, Math.min(length + MARGIN_AROUND - room, middle - room / 2)));
        this.isFitted = false;
        this.look({ scale, x: within(x + w / 2, this.size.width / scale, width),
            y: within(y + h / 2, this.size.height / scale, height) }, isSmooth);
    }

    /* Look at a module that was opened, if the whole view is not to be seen. */
    showFrame(module) {
        const frame = this.page.view.frames.find((f) => f.module === module);
        if (!frame || this.fitted().scale >= LEGIBLE) return;
        const fits = Math.min(this.size.width / (frame.w + 60), this.size.height / (frame.h + 60));
        this.aim(frame, Math.max(LEGIBLE, Math.min(CLOSE, fits)), false);
    }

    /* Bring what a step is about into the window, if it is outside. */
    follow() {
        const { scene, step } = this.page, now = scene.steps[step];
        const { cards } = this.current(now), ends = now.phase === "backward" ? [now.card] : [];
        this.reveal([...cards, ...ends]);
    }

    reveal(cards) {
        const { x, y, scale } = this.window, { width, height } = this.size;
        const [right, bottom] = [x + width / scale, y + height / scale];
        const isOutside = (at) => {
            const card = this.page.scene.cards[at];
            return card.x < x || card.y < y || card.x + card.w > right || card.y + card.h > bottom;
        };
        if (cards.some(isOutside)) this.centre(cards[0]);
    }

    zoom(factor, at = null) {
        const { width, height } = this.size, { x, y, scale } = this.window;
        const [px, py] = at ?? [width / 2, height / 2];
        const to = Math.max(LEAST_SCALE, Math.min(MOST_SCALE, scale * factor));
        this.isFitted = false;
        this.look({ x: x + px / scale - px / to, y: y + py / scale - py / to, scale: to });
    }

    pan(dx, dy) {
        const { x, y, scale } = this.window;
        this.isFitted = false;
        this.look({ x: x - dx / scale, y: y - dy / scale, scale });
    }

    resized() {
        if (!this.cards) return;
        if (this.isFitted) this.open();
        else this.place(this.window);
    }

    /* ---- pointers ---- */

    position(event) {
        const { left, top } = this.root.getBoundingClientRect();
        return [event.clientX - left, event.clientY - top];
    }

    wheel(event) {
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), this.position(event));
    }

    pointerdown(event) {
        if (event.button) return;
        this.root.setPointerCapture(event.pointerId);
        const at = this.position(event);
        this.pointers.set(event.pointerId, at);
        const card = event.target.closest("[data-card]")?.dataset.card ?? -1;
        const fold = event.target.closest("[data-fold]")?.dataset.fold ?? -1;
        const node = card < 0 ? -1 : this.page.scene.node(card);
        const isHandle = event.target.closest(".card")?.querySelector(".handle")
            && this.isInRow(event, card);
        this.press = this.pointers.size > 1 ? null : { card: Number(card), fold: Number(fold), at,
            begun: at, edit: isHandle && node >= 0 && this.page.canEdit ? this.page.graph.value[node] : null,
            node };
    }

    isInRow(event, at) {
        const [, py] = this.position(event), { y, scale } = this.window;
        const inside = y + py / scale - this.page.scene.cards[at].y;
        return inside >= HEADER && inside < HEADER + ROW;
    }

    pointermove(event) {
        if (!this.pointers.has(event.pointerId)) return;
        const before = [...this.pointers.values()], at = this.position(event);
        const old = this.pointers.get(event.pointerId);
        this.pointers.set(event.pointerId, at);
        if (this.pointers.size === 2) return this.pinch(before, [...this.pointers.values()]);
        const { press } = this;
        if (!press) return;
        const far = Math.hypot(at[0] - press.begun[0], at[1] - press.begun[1]);
        press.isDrag ||= far > CLICK;
        if (!press.isDrag) return;
        if (press.edit === null) return this.pan(at[0] - old[0], at[1] - old[1]);
        const unit = stepOf(press.edit) / (event.shiftKey ? 10 : 1);
        const moved = Math.round((at[0] - press.begun[0]) / 2);
        this.page.select(press.node);
        this.page.edit(press.node, rounded(press.edit + moved * unit), { isLive: true });
    }

    pinch([a, b], [c, d]) {
        const middle = ([p, q], [r, s]) => [(p + r) / 2, (q + s) / 2];
        const apart = ([p, q], [r, s]) => Math.hypot(p - r, q - s) || 1;
        const [from, to] = [middle(a, b), middle(c, d)];
        this.pan(to[0] - from[0], to[1] - from[1]);
        this.zoom(apart(c, d) / apart(a, b), to);
    }

    pointerup(event) {
        this.pointers.delete(event.pointerId);
        const { press } = this;
        this.press = null;
        if (!press || press.isDrag) return;
        if (press.fold >= 0) this.page.fold(press.fold);
        else if (press.card >= 0) this.activate(press.card);
        else this.page.select(null);
    }

    pointercancel(event) {
        this.pointers.delete(event.pointerId);
        this.press = null;
    }

    /* Open a folded module; select anything else. */
    activate(at) {
        const { module } = this.page.scene.cards[at];
        if (module >= 0 && this.page.viewOpening(module) >= 0) this.page.unfold(module);
        else this.page.selectCard(at);
    }

    /* ---- keys: one card is in the order of Tab, arrow keys walk from it ---- */

    rove(at) {
        this.cards[this.roving]?.root.setAttribute("tabindex", -1);
        this.roving = at;
        this.cards[at]?.root.setAttribute("tabindex", 0);
    }

    focused(event) {
        const at = event.target.closest("[data-card]")?.dataset.card;
        if (at === undefined) return;
        this.rove(Number(at));
        this.reveal([Number(at)]);
    }

    focus(at) {
        this.rove(at);
        this.cards[at]?.root.focus({ preventScroll: true });
    }

    /* Returns whether the key meant something to the card that has the focus. */
    key(event) {
        const fold = document.activeElement?.dataset?.fold;
        if (fold !== undefined && (event.key === "Enter" || event.key === " ")) {
            this.fold(Number(fold));
            return true;
        }
        if (document.activeElement !== this.cards[this.roving]?.root) return false;
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
        this.activate(at);
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

/* How far one step of a key or a pixel moves a number: its second digit. */
function stepOf(x) {
    return 10 ** (Math.floor(Math.log10(Math.max(Math.abs(x), 0.1))) - 1);
}

/* Without the dust of binary fractions. */
function rounded(x) {
    return Number(x.toPrecision(12));
}

/* ---- the legend ---- */

function legendOf(scene) {
    const kinds = ["input", "parameter", "operation", "output", "constant", "module"]
        .filter((kind) => scene.cards.some((card) => card.kind === kind));
    const shades = ["n4", "n3", "n2", "n1", "n0", "zero", "p0", "p1", "p2", "p3", "p4"];
    const signs = { n4: "−", zero: "0", p4: "+" };
    const scale = el("span", { class: "scale", "aria-hidden": "true" }, ...shades.map(
        (shade) => el("span", { class: `shade ${shade}`, text: signs[shade] ?? "" })));
    const entries = [
        el("span", { class: "kinds" }, ...kinds.map((kind) => el("span", { class: kind, text: kind }))),
        el("span", {}, "∂ on an arrow: local derivative"),
        el("span", { class: "grads" }, "grad: raising it lowers the output ", scale, " raises it"),
    ];
    if (scene.cards.some((card) => card.count > 1)) entries.push(el("span", { text: "×N: N alike, drawn once" }));
    return entries;
}
