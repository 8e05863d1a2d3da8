/* The picture: cards and arrows of a view, how they look at a step, and the window on them.
 *
 *    at       a card or an arrow: its place in the view
 *    window   {x, y, scale}: the corner of the viewBox, and screen pixels per pixel of the view
 *    fresh    not computed yet at this step; lit   on the path that is shown
 */

const HEADER = 28, ROW = 24, NOTE = 18, PAD = 10, ROUND = 6;  // px, as Python left room for
const BADGE = 46, LETTER = 8, DIGIT = 7.5, BADGE_PAD = 20;
const HEAD_LENGTH = 9, HEAD_WIDTH = 4;
const LEAST_SCALE = 0.05, MOST_SCALE = 4, FIT_SCALE = 1.6, LEGIBLE = 0.56, CLOSE = 0.8;
const MARGIN_AROUND = 16, WHEEL = 0.0016, WHEEL_LINES = 0.05;
const CLICK = 4;  // px a pointer may move in a click
const MOST_SHOWN_TERMS = 3, CALLOUT = 40, FLASH = "#facc15";

function byId(id) {
    return document.getElementById(id);
}

/* An element: el("p", {class: "note", text: "…"}, children or strings). */
function el(tag, attributes = {}, ...children) {
    return furnish(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    return furnish(element, attributes, children);
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

/* A box across a card, with some corners round. */
function box(y, w, h, { top = false, bottom = false, right = true }) {
    const [a, b] = [top ? ROUND : 0, top && right ? ROUND : 0];
    const [c, d] = [bottom && right ? ROUND : 0, bottom ? ROUND : 0];
    return `M${a},${y}H${w - b}q${b},0 ${b},${b}V${y + h - c}q0,${c} ${-c},${c}`
        + `H${d}q${-d},0 ${-d},${-d}V${y + a}q0,${-a} ${a},${-a}z`;
}

class Canvas {
    constructor(page, root) {
        Object.assign(this, { page, root, window: { x: 0, y: 0, scale: 1 }, isFitted: true });
        Object.assign(this, { fonts: {}, ruler: el("canvas").getContext("2d") });
        this.pointers = new Map();
        root.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
        for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
            root.addEventListener(kind, (event) => this[kind](event));
        }
        root.addEventListener("mousedown", (event) => {
            event.preventDefault();  // a click selects, only keys move the focus
            document.activeElement?.blur();
        });
        new ResizeObserver(() => this.resized()).observe(root);
        page.on("view", () => this.draw());
        page.on("step", () => { this.paint(); this.follow(); });
        page.on("call", () => this.paint());
        page.on("select", () => this.paint());
        const { dataset } = document.documentElement;
        page.on("numbers", () => this.paint({
            isFlashing: !page.isRestoring && !isCalm() && dataset.training !== "watched",
        }));
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
        const said = `Computation graph: ${countOf(scene.cards.length, "card")}`;
        this.root.setAttribute("aria-label", said);
        for (const { name, room } of this.cards) this.squeeze(name, room);
        this.lit = null;
        this.paint();
        this.open();
    }

    card(card, at) {
        const { w, h, badge, name, count, kind, module } = card, isOpening = this.opens(card);
        const title = count > 1 && !card.looped ? `${name} ×${grouped(count)}`.trim() : name;
        const newest = this.page.scene.newest[at], isNode = module < 0 && newest >= 0;
        const isUnnamed = isNode && !name && (count === 1 || card.percall);  // it is called v3
        const left = !badge ? 0 : title || isUnnamed
            ? Math.max(BADGE, LETTER * badge.length + BADGE_PAD) : w;
        const own = isUnnamed ? DIGIT * `v${newest + 1}`.length + 4 : 0;
        const right = isOpening ? 20 : own, hasRows = h > HEADER;
        const ends = { top: true, bottom: !hasRows };
        const text = (kind, x, y, said = "") => svg("text", { class: kind, x, y, text: said });
        const part = { hasRows, title: svg("title"), room: w - left - right - PAD, notes: [] };
        part.name = text("name", (left + w - right) / 2, 20, title);
        const marks = [part.title,
            svg("rect", { class: "ring", x: -5, y: -5, width: w + 10, height: h + 10, rx: 10 }),
            svg("rect", { class: "body", width: w, height: h, rx: ROUND }),
            svg("path", { class: "header", d: box(0, w, HEADER, ends) })];
        if (badge) {
            marks.push(svg("path", { class: "badge",
                d: box(0, left, HEADER, { ...ends, right: left >= w }) }));
            marks.push(text("symbol", left / 2, 20, badge));
        }
        if (left < w) marks.push(part.name);
        if (own) marks.push(part.own = text("own", w - PAD, 20));
        if (hasRows) {
            const isMany = this.page.scene.node(at) < 0, [first, second] = [HEADER, HEADER + ROW];
            const isLeaf = module < 0 && this.page.graph.isLeaf(card.nodes[0]);
            const kinds = module >= 0 ? "row-text" : isMany ? "range" : "value";
            part.value = text(kinds, module >= 0 ? PAD : w - PAD, first + 18);
            part.grad = text("grad", w - PAD, second + 18);
            part.rooms = isMany ? [w - 2 * PAD, w - 2 * PAD - 62] : [w - 62, w - 56];
            const bottom = h < second + ROW + NOTE;
            part.shade = svg("path", { d: box(second, w, ROW, { bottom }) });
            for (let y = second + ROW; y + NOTE <= h + 1; y += NOTE) {
                part.notes.push(text("note", w / 2, y + 13));
            }
            marks.push(
                svg("rect", { class: isLeaf ? "handle" : "row", y: first, width: w, height: ROW }),
                text("term", PAD, first + 17, isMany ? "" : "value"), part.value, part.shade,
                text("term", PAD, second + 17, isMany ? "max grad" : "grad"), part.grad,
                ...part.notes);
        }
        marks.push(svg("rect", { class: "border", width: w, height: h, rx: ROUND }));
        if (isOpening) marks.push(svg("path", { class: "plus", d: `M${w - 15},9v10m-5,-5h10` }));
        part.root = svg("g", { class: `card ${kind}`, transform: `translate(${card.x},${card.y})`,
            role: "group", "data-card": at, tabindex: -1 }, ...marks);
        return part;
    }

    /* Whether a card is a module that can be opened. */
    opens({ module }) {
        return module >= 0 && this.page.viewOpening(module) >= 0;
    }

    arrow({ points, label }, at) {
        const [x, y] = points.at(-1), xy = (p) => p.map((n) => n.toFixed(1)).join(",");
        const from = points.findLast(([a, b]) => Math.hypot(x - a, y - b) > 1) ?? [x - 1, y];
        const size = Math.hypot(x - from[0], y - from[1]);
        const [ux, uy] = [(x - from[0]) / size, (y - from[1]) / size];
        const behind = (k, aside = 0) => xy([x - k * ux + aside * uy, y - k * uy - aside * ux]);
        const d = `M${xy(points[0])}C${points.slice(1, -1).map(xy).join(" ")} ${behind(6)}`;
        const part = { title: svg("title"), line: svg("path", { class: "line", d }) };
        const [one, other] = [HEAD_WIDTH, -HEAD_WIDTH].map((aside) => behind(HEAD_LENGTH, aside));
        part.root = svg("g", { class: "arrow", "data-arrow": at }, part.title,
            svg("path", { class: "reach", d }), part.line,
            svg("path", { class: "head", d: `M${xy([x, y])}L${one} ${other}z` }),
            svg("path", { class: "dots", d }));
        if (label) part.label = svg("text", { class: "partial", x: label[0], y: label[1] + 4 });
        return part;
    }

    /* An open module; its name folds it. */
    frame({ module, x, y, w, h }) {
        const { name, path } = DATA.modules[module], isFolding = this.page.viewFolding(module) >= 0;
        const area = svg("rect", { class: "area", x, y, width: w, height: h, rx: 10 });
        const text = svg("text", { class: "frame-name", x: x + (isFolding ? 36 : 12), y: y + 20,
            text: name });
        if (!isFolding) return svg("g", {}, area, text);
        const reach = 44 + 9 * name.length;
        return svg("g", {}, area, svg("g", { class: "fold", role: "button", tabindex: 0,
            "data-fold": module, "aria-label": `Fold ${path}` },
        svg("rect", { class: "reach", x: x + 3, y: y + 2, width: reach, height: 27 }),
        svg("rect", { class: "box", x: x + 9, y: y + 6, width: 19, height: 19, rx: 4 }),
        svg("path", { d: `M${x + 14},${y + 15.5}h9` }), text));
    }

    /* Where a nan or inf began. */
    callout() {
        const at = DATA.began ? this.page.scene.cardOf[DATA.began.node] : -1;
        if (!DATA.began || at < 0) return [];
        const { x, y, w } = this.page.scene.cards[at];
        const said = `began here: ${DATA.began.text}`, wide = 9 * said.length + 20;
        return [svg("g", { class: "callout", transform: `translate(${x + w / 2},${y})` },
            svg("path", { d: "M-7,-12h14l-7,8z" }),
            svg("rect", { x: -wide / 2, y: -36, width: wide, height: 25, rx: ROUND }),
            svg("text", { y: -18, text: said }))];
    }

    /* Make a text fit. It is measured off the page, which would have to be laid out for each. */
    squeeze(text, room) {
        text.removeAttribute("textLength");
        const kind = text.getAttribute("class"), look = getComputedStyle(text);
        this.fonts[kind] ??= `${look.fontWeight} ${look.fontSize} ${look.fontFamily}`;
        if (this.measured !== kind) this.ruler.font = this.fonts[this.measured = kind];
        if (room > 0 && this.ruler.measureText(text.textContent).width > room) {
            text.setAttribute("textLength", room);
            text.setAttribute("lengthAdjust", "spacingAndGlyphs");
        }
    }

    /* ---- how it looks at a step ---- */

    paint({ isFlashing = false } = {}) {
        const { scene, step } = this.page;
        this.steepest = scene.steepest;
        const now = scene.steps[step], ends = this.current(now);
        const changed = this.cards.filter((part, at) => this.paintCard(part, at, ends.cards));
        if (isFlashing) this.flash(changed);
        this.arrows.forEach((part, at) => this.paintArrow(part, at, ends.arrows));
        this.root.classList.toggle("dimmed", Boolean(this.lit));
        this.root.classList.toggle("back", now.phase === "backward");
    }

    /* The cards and arrows of a step. */
    current(step) {
        const { scene } = this.page, { incoming, arrows } = scene;
        if (step.phase === "forward") return { cards: [step.card], arrows: incoming[step.card] };
        if (step.phase === "seed") return { cards: scene.outputs, arrows: [] };
        if (step.phase === "backward") {
            return { cards: [arrows[step.arrow].tail], arrows: [step.arrow] };
        }
        return { cards: [], arrows: [] };
    }

    flash(cards) {
        for (const part of cards) {
            part.flashes?.forEach((flash) => flash.cancel());
            part.flashes = [...part.root.querySelectorAll(".body, .shade")].map((area) =>
                area.animate([{ fill: FLASH }, {}], { duration: 900, easing: "ease-out" }));
        }
    }

    /* Returns whether its numbers have changed. */
    paintCard(part, at, current) {
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
        if (part.own) put(part.own, "text", this.page.name(scene.node(at)));
        if (!part.hasRows) return false;
        const isNew = ["value", "grad"].map((row, k) => {
            const is = put(part[row], "text", text[row]);
            if (is) this.squeeze(part[row], part.rooms[k]);
            part[row].classList.toggle("bad", text.isBad[k]);
            return is;
        });
        put(part.shade, "class", `shade ${this.shade(grad)}`);
        classList.toggle("wrong", text.isBad.includes(true));
        part.notes.forEach((note, k) => {
            if (put(note, "text", text.notes[k] ?? "")) this.squeeze(note, card.w - PAD);
        });
        return isNew.includes(true);
    }

    /* What a card says: in its rows, when pointed at, and to a screen reader. */
    texts(at, isKnown, grad) {
        const { scene, names, graph, telling } = this.page, card = scene.cards[at], { x } = grad;
        if (card.values) {
            const number = asNumber(card.values[card.percall ? scene.call : 0]);
            const value = card.percall ? fmt(number) : card.count > 1
                ? `${card.name} ×${grouped(card.count)}` : card.name;
            const tip = `constant ${card.percall || card.count === 1 ? exactly(number) : value}`;
            return { value, label: `constant ${value}`, tip };
        }
        const i = scene.node(at), isModule = card.module >= 0, title = telling.title(at);
        const [low, high] = i < 0 ? scene.range(at) : [graph.value[i], graph.value[i]];
        const isPart = i < 0 && x !== null && !grad.isWhole;  // of its grads only some are known
        const values = low === high || i >= 0 ? fmt(low) : `${fmt(low)} … ${fmt(high)}`;
        const value = isModule ? card.row : isKnown ? values : "–";
        const shown = isPart ? "…" : x === null ? "–" : fmt(x, { signed: true });
        const label = `${title}, ${i < 0 ? card.kind : names.kind(i)}, ${isModule ? "" : "value "}`
            + `${isKnown ? value : "not yet computed"}, `
            + `grad ${x === null ? "none yet" : isPart ? "arriving" : shown}`
            + (this.opens(card) ? ", Enter opens it" : "");
        const full = DATA.nodes.full?.[i] ?? title, made = i < 0 ? full : names.formula(i);
        const tip = [made === full ? full : `${full} = ${made}`];
        if (i >= 0 && isKnown) tip.push(`value ${exactly(low)}`);
        if (!isPart) tip.push(x === null ? "no grad yet" : `grad ${exactly(x)}`);
        if (grad.uses + grad.seeds > 1 && grad.isWhole) tip.push(`sum over ${usesOf(grad)}`);
        const isBad = [isKnown && !Number.isFinite(high - low),
            x !== null && !isPart && !Number.isFinite(x)];
        const notes = this.notes(i, grad);
        return { value, grad: shown, label, tip: tip.join("\n"), isBad, notes };
    }

    /* The grad as the sum it is, while it grows. */
    notes(i, grad) {
        const { terms, arrived, uses, seeds, isWhole, x } = grad;
        if (i < 0 || uses + seeds < 2 || x === null) return [];
        const said = isWhole ? `sum over ${usesOf(grad)}` : `${arrived} of ${uses} uses`;
        if (terms.length > MOST_SHOWN_TERMS || terms.length < 2) return [said];
        return [`= ${asSum(terms, seeds)}${isWhole ? "" : " …"}`, said];
    }

    shade(grad) {
        const { x } = grad;
        if (x === null || (!grad.isWhole && Number.isNaN(x) && !grad.terms.length)) return "none";
        if (!Number.isFinite(x)) return "bad";
        if (x === 0) return "zero";
        const size = Math.min(4, Math.floor(5 * Math.sqrt(Math.abs(x) / this.steepest)));
        return `${x < 0 ? "n" : "p"}${size}`;
    }

    paintArrow(part, at, current) {
        const { scene, step, graph, names } = this.page, { sum, edges } = scene.flows[at];
        const isBack = scene.backwardStep[at] <= step, printed = scene.printed(at);
        const isFresh = scene.forwardStep[scene.arrows[at].head] > step;
        const kind = [
            isBack && (Number.isFinite(sum) ? signClass(sum) : "bad"), isFresh && "fresh",
            current.includes(at) && "current", scene.arrows[at].carried && "carried",
            this.lit?.arrows.has(at) && "lit",
        ].filter(Boolean).join(" ");
        put(part.root, "class", `arrow ${kind}`);
        const share = Math.min(1, Math.abs(sum) / this.steepest) || 0;
        put(part.line, "stroke-width", isBack ? (1 + 2 * Math.sqrt(share)).toFixed(2) : "1.2");
        const tip = [edges.length ? countOf(edges.length, "arrow")
            : scene.edges[at].length ? `this ${CALL} is not used there` : "a constant: no gradient"];
        if (printed) {
            const [i, place] = printed, p = graph.partial(i, place);
            tip[0] = `∂ ${exactly(p)}: local derivative of ${names.formula(i)} `
                + `by ${names.name(graph.inputs[i][place])}`;
            if (part.label) put(part.label, "text", step >= scene.seed ? `∂ ${fmt(p)}` : "");
        }
        if (part.label) put(part.label, "class", `partial ${kind}`);
        const isMany = edges.length > 1 && scene.node(scene.arrows[at].tail) < 0;
        if (isBack) {
            tip.push(isMany ? `the largest contribution that flows back: ${exactly(sum)}`
                : `${exactly(sum)} flows back${edges.length > 1 ? " in all" : ""}`);
        }
        put(part.title, "text", tip.join("\n"));
    }

    /* Show a way through the graph, given by its nodes; null: none. */
    highlight(nodes) {
        if (!nodes && !this.lit) return;
        const { cardOf, arrows } = this.page.scene, path = (nodes ?? []).map((i) => cardOf[i]);
        const isOn = ({ tail, head }) => path.some((at, k) => at === tail && path[k + 1] === head);
        const found = arrows.flatMap((arrow, at) => (isOn(arrow) ? [at] : []));
        this.lit = nodes && { cards: new Set(path), arrows: new Set(found) };
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
        const { width: w, height: h } = this.page.view, { width, height } = this.size;
        const around = 2 * MARGIN_AROUND, top = DATA.began ? CALLOUT : 0;
        const scale = Math.min(width / (w + around), height / (h + around + top), FIT_SCALE);
        return { scale, x: (w - width / scale) / 2, y: (h - top - height / scale) / 2 };
    }

    fit(isSmooth = true) {
        this.look(this.fitted(), isSmooth);
        this.isFitted = true;
    }

    /* All of a view if that can be read, else its present step or where it begins. */
    open() {
        const whole = this.fitted(), isLegible = whole.scale >= LEGIBLE;
        this.look(isLegible ? whole : { ...whole, scale: CLOSE });
        if (!isLegible) {
            const { scene, step } = this.page, [card] = this.current(scene.steps[step]).cards;
            this.centre(card ?? scene.order.find((at) => scene.cards[at].nodes.length), false);
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
        const unit = event.deltaMode ? WHEEL_LINES : WHEEL;
        this.zoom(Math.exp(-event.deltaY * unit), this.position(event));
    }

    pointerdown(event) {
        if (event.button) return;
        const { scene, graph, canEdit } = this.page, begun = this.position(event);
        const under = (key) => Number(event.target.closest(`[data-${key}]`)?.dataset[key] ?? -1);
        const [card, fold] = [under("card"), under("fold")];
        const node = card < 0 ? -1 : scene.node(card);
        const isEdit = event.target.matches(".handle") && node >= 0 && canEdit;
        this.root.setPointerCapture(event.pointerId);
        this.pointers.set(event.pointerId, begun);
        this.press = this.pointers.size > 1 ? null
            : { card, fold, node, begun, from: isEdit ? graph.value[node] : null };
    }

    pointermove(event) {
        const old = this.pointers.get(event.pointerId), { press } = this, at = this.position(event);
        if (!old) return;
        const before = [...this.pointers.values()];
        this.pointers.set(event.pointerId, at);
        if (this.pointers.size === 2) return this.pinch(before, [...this.pointers.values()]);
        if (!press) return;
        const [dx, dy] = [at[0] - press.begun[0], at[1] - press.begun[1]];
        press.isDrag ||= Math.hypot(dx, dy) > CLICK;
        if (!press.isDrag) return;
        if (press.from === null) return this.pan(at[0] - old[0], at[1] - old[1]);
        const unit = stepOf(press.from) / (event.shiftKey ? 10 : 1);
        if (this.page.selected !== press.node) this.page.select(press.node);
        this.page.edit(press.node, rounded(press.from + Math.round(dx / 2) * unit));
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
        const card = this.page.scene.cards[at];
        if (this.opens(card)) this.page.unfold(card.module);
        else this.page.selectCard(at);
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
