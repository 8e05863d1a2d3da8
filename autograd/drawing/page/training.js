/* Training watched: one adjustment of the weights at a time, on the graph, the loss, the boundary.
 *
 *   k       a step: the numbers after k adjustments; 0 is before the first
 *   field   what the model answers over the plane of its two inputs
 *   grid    so many points a side at which that is worked out; between them it is interpolated
 *   code    an answer as a colour: class * LEVELS + level, -1 for nan
 */

const PLOT_WIDTH = 380, LOSS_HEIGHT = 200, FIELD_HEIGHT = 330;
/* The margins of a plot. */
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 12, 12, 42];
/* A fine field may take so many ms, three times in a row. */
const GRID = 60, COARSE_GRID = 24, SLOW = 30;
/* Pixels of a field per unit of its plot, shades of a colour. */
const SHARP = 2, LEVELS = 64;
const COLOURS = 6, MOST_CHANGES = 6;
/* In ms: a whole training, one step. */
const PLAY_TIME = 8000, LONGEST_WAIT = 500;
const SHAPES = [  // of data points, by class
    "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0z", "M-4,-4h8v8h-8z", "M0,-5.4L5,3.6H-5z",
    "M0,-5.5L5.5,0L0,5.5L-5.5,0z",
    "M-1.7,-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",
];

/* ---- plots ---- */

/* Some five round numbers from low to high, not closer than `least`. */
function ticks(low, high, isLog, least = 0) {
    const found = [];
    if (isLog) {
        for (let k = Math.floor(Math.log10(low)); k <= Math.log10(high); k++) {
            found.push(10 ** k, 2 * 10 ** k, 5 * 10 ** k);
        }
        const inside = found.filter((x) => x >= low && x <= high);
        const every = Math.ceil(inside.length / 7);
        return inside.filter((_, k) => k % every === 0);
    }
    const rough = Math.max(least, (high - low) / 5), unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * [1, 2, 5, 10].find((m) => m * unit >= 0.999 * rough);
    for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(k * step);
    return found;
}

/* Axes with numbers and names; x() and y() place a number between them. Of steps, x is whole. */
class Plot {
    constructor(height, [x0, x1, least], [y0, y1], names, isLog = false) {
        const scale = isLog ? Math.log : Number, across = ticks(x0, x1, false, least);
        Object.assign(this, { width: PLOT_WIDTH - LEFT - RIGHT, height: height - TOP - BOTTOM });
        this.x = (v) => LEFT + ((v - x0) / (x1 - x0)) * this.width;
        this.y = (v) => TOP + ((scale(y1) - scale(v)) / (scale(y1) - scale(y0))) * this.height;
        const foot = TOP + this.height;
        const upright = `translate(14,${TOP + this.height / 2}) rotate(-90)`;
        const text = (kind, at, said) => svg("text", { class: kind, ...at, text: said });
        this.marks = svg("g");
        this.root = svg("svg", { viewBox: `0 0 ${PLOT_WIDTH} ${height}`, class: "plot" },
            svg("path", { class: "axis", d: `M${LEFT},${TOP}V${foot}h${this.width}`
                + across.map((v) => `M${this.x(v)},${foot}v5`).join("")
                + ticks(y0, y1, isLog).map((v) => `M${LEFT},${this.y(v)}h-5`).join("") }),
            ...across.map((v) => text("middle", { x: this.x(v), y: foot + 18 }, fmt(v))),
            ...ticks(y0, y1, isLog).map((v) =>
                text("end", { x: LEFT - 8, y: this.y(v) + 4 }, fmt(v))),
            text("middle title", { x: LEFT + this.width / 2, y: height - 7 }, names[0]),
            text("middle title", { transform: upright }, names[1]), this.marks);
    }
}

/* ---- the model's answers ---- */

/* A model of two inputs, run on many points at once: a node is one number, or one per point. */
class Field {
    constructor({ nodes, constants, inputs, outputs, parameters }) {
        Object.assign(this, { nodes, inputs, outputs, parameters });
        this.constants = constants.map(asNumber);
        this.columns = nodes.value.map(asNumber);
        this.varies = nodes.op.map((_, i) => inputs.includes(i));
        nodes.inputs.forEach((row, i) => { this.varies[i] ||= row.some((j) => this.varies[j]); });
    }

    /* The ops of the nodes that vary with the inputs, or of those that do not. */
    * made(isVarying) {
        for (const [i, op] of this.nodes.op.entries()) {
            if (op < 0 || this.varies[i] !== isVarying) continue;
            const from = this.nodes.inputs[i];
            yield [i, OPS[op].forward,
                from.map((j) => (j < 0 ? this.constants[-1 - j] : this.columns[j]))];
        }
    }

    /* Take the parameters' present numbers, from a function of their node in the graph. */
    take(numberOf) {
        for (const [own, i] of Object.entries(this.parameters)) this.columns[own] = numberOf(i);
        for (const [i, forward, x] of this.made(false)) this.columns[i] = forward(xp, x);
    }

    /* The outputs at points, a column each; the next call overwrites them. */
    at(xs, ys) {
        const { columns } = this;
        [columns[this.inputs[0]], columns[this.inputs[1]]] = [xs, ys];
        for (const [i, forward, given] of this.made(true)) {
            if (columns[i].length !== xs.length) columns[i] = new Float64Array(xs.length);
            const out = columns[i], x = [...given];
            const moving = [...x.keys()].filter((place) => typeof x[place] !== "number");
            for (let p = 0; p < out.length; p++) {
                for (const place of moving) x[place] = given[place][p];
                out[p] = forward(xp, x);
            }
        }
        return this.outputs.map((i) => (this.varies[i] ? columns[i] : xs.map(() => columns[i])));
    }
}

/* The plane of the two inputs: what the model answers where, and the data on top of it. Of several
   outputs the largest one wins; one is compared with a threshold, or shaded if there is none. */
class Boundary {
    constructor({ x, y, names, points, classes, threshold, ...program }) {
        this.field = new Field(program);
        [this.xs, this.ys, this.targets] = [0, 1, 2].map((k) =>
            Float64Array.from(points, (point) => asNumber(point[k])));
        Object.assign(this, { xRange: x, yRange: y, names, threshold });
        this.isMany = program.outputs.length > 1;
        this.isShaded = !this.isMany && !(classes && typeof threshold === "number");
        this.classes = this.isShaded ? [] : classes ?? program.outputs.map(String);
        [this.lowest, this.highest] = this.targets.reduce(
            ([low, high], t) => [Math.min(low, t), Math.max(high, t)], [Infinity, -Infinity]);
        this.build();
    }

    build() {
        const plot = new Plot(FIELD_HEIGHT, this.xRange, this.yRange, this.names);
        const [width, height] = [SHARP * plot.width, SHARP * plot.height];
        this.canvas = el("canvas", { width, height, role: "img" });
        Object.assign(this.canvas.style, {
            left: `${(100 * LEFT) / PLOT_WIDTH}%`, top: `${(100 * TOP) / FIELD_HEIGHT}%`,
            width: `${(100 * plot.width) / PLOT_WIDTH}%`,
            height: `${(100 * plot.height) / FIELD_HEIGHT}%`,
        });
        this.marks = Array.from(this.xs, (x, p) => svg("path", { ...this.look(this.target(p)),
            transform: `translate(${plot.x(x)},${plot.y(this.ys[p])})` }));
        plot.marks.append(...this.marks);
        plot.root.setAttribute("aria-hidden", "true");
        this.note = el("li");
        const ramp = el("span", { class: "ramp" });
        const scale = el("li", {}, fmt(this.lowest), ramp, fmt(this.highest));
        this.root = el("figure", { class: "boundary" },
            el("div", { class: "plane" }, this.canvas, plot.root),
            el("ul", { class: "classes" }, ...this.classes.map((name, k) => el("li", {},
                svg("svg", { viewBox: "-7 -7 14 14" }, svg("path", this.look(k))), name)),
            ...(this.isShaded ? [scale] : []), this.note));
    }

    look(k) {
        if (this.isShaded) return { d: SHAPES[0], class: "point shaded" };
        return { d: SHAPES[k % SHAPES.length], class: `point class-${k % COLOURS}` };
    }

    /* The class of a data point, or the level of its target. */
    target(p) {
        const t = this.targets[p];
        return this.isShaded ? this.level(t) : this.isMany ? t : Number(t === this.highest);
    }

    level(v) {
        const share = (v - this.lowest) / (this.highest - this.lowest || 1);
        return Math.max(0, Math.min(LEVELS - 1, Math.round(share * (LEVELS - 1))));
    }

    /* The code of a row of outputs; the level of a class is how far it is from another one. */
    code(row) {
        if (this.isShaded) return Number.isNaN(row[0]) ? -1 : this.level(row[0]);
        let best = row[0] > this.threshold ? 1 : 0, margin = Math.abs(row[0] - this.threshold);
        if (this.isMany) {
            let largest = row[0], second = -Infinity;
            best = 0;
            for (let k = 1; k < row.length; k++) {
                if (row[k] > largest) [second, largest, best] = [largest, row[k], k];
                else if (row[k] > second) second = row[k];
            }
            margin = largest - second;
        }
        return margin >= 0 ? best * LEVELS + Math.round(Math.min(1, margin) * (LEVELS - 1)) : -1;
    }

    /* Draw the field and ring the points that the model gets wrong; how many are right. */
    draw(numberOf, grid) {
        const palette = this.palette();
        this.field.take(numberOf);
        this.paint(this.sample(grid), grid, palette);
        const columns = this.field.at(this.xs, this.ys);
        return this.marks.filter((mark, p) => {
            const target = this.target(p), code = this.code(columns.map((column) => column[p]));
            if (this.isShaded) mark.style.fill = palette.names[target];
            const isRight = this.isShaded || Math.floor(code / LEVELS) === target;
            mark.classList.toggle("wrong", !isRight);
            return isRight;
        }).length;
    }

    /* The outputs on a grid, a row after the other from below. */
    sample(grid) {
        const between = ([low, high]) =>
            Float64Array.from({ length: grid }, (_, k) => low + ((high - low) * k) / (grid - 1));
        const xs = between(this.xRange), y = new Float64Array(grid);
        const found = this.field.outputs.map(() => new Float64Array(grid * grid));
        between(this.yRange).forEach((v, k) => {
            const columns = this.field.at(xs, y.fill(v));
            found.forEach((all, output) => all.set(columns[output], k * grid));
        });
        return found;
    }

    /* Colour every pixel by its interpolated outputs; a line runs where the class changes. */
    paint(samples, grid, { shades, line, none }) {
        const { width, height } = this.canvas, context = this.canvas.getContext("2d");
        const image = context.createImageData(width, height);
        const pixels = new Uint32Array(image.data.buffer), codes = new Int16Array(pixels.length);
        const rows = samples.map(() => new Float64Array(grid)), row = samples.map(() => 0.5);
        for (let y = 0, p = 0; y < height; y++) {
            const v = (1 - (y + 0.5) / height) * (grid - 1), j = Math.floor(v), up = v - j;
            samples.forEach((all, k) => {
                for (let i = 0, at = j * grid; i < grid; i++, at++) {
                    rows[k][i] = all[at] + up * (all[at + grid] - all[at]);
                }
            });
            for (let x = 0; x < width; x++, p++) {
                const u = ((x + 0.5) / width) * (grid - 1), i = Math.floor(u), on = u - i;
                for (let k = 0; k < row.length; k++) {
                    row[k] = rows[k][i] + on * (rows[k][i + 1] - rows[k][i]);
                }
                codes[p] = this.code(row);
                pixels[p] = codes[p] < 0 ? none : shades[codes[p]];
            }
        }
        if (!this.isShaded) {
            const kind = codes.map((code) => Math.floor(code / LEVELS));
            for (let p = pixels.length - width - 2; p >= 0; p--) {
                if ((p + 1) % width && (kind[p] !== kind[p + 1] || kind[p] !== kind[p + width])) {
                    pixels[p] = pixels[p + 1] = pixels[p + width] = pixels[p + width + 1] = line;
                }
            }
        }
        context.putImageData(image, 0, 0);
    }

    /* The colours of the theme: as names, and as the bytes of pixels. */
    palette() {
        const style = getComputedStyle(this.root), names = [];
        const read = (name) => style.getPropertyValue(name).match(/[\da-f]{2}/gi)
            .map((x) => parseInt(x, 16));
        const pixel = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
        const paper = read("--field-paper"), shades = [], least = this.isShaded ? 0 : 0.4;
        for (let k = 0; k < (this.classes.length || 1); k++) {
            const full = read(this.isShaded ? "--class-0" : `--field-${k % COLOURS}`);
            for (let n = 0; n < LEVELS; n++) {
                const share = least + ((1 - least) * n) / (LEVELS - 1);
                const colour = full.map((c, part) => paper[part] + share * (c - paper[part]));
                shades.push(pixel(colour));
                names.push(`rgb(${colour.map(Math.round)})`);
            }
        }
        const [line, none] = ["--field-line", "--field-none"].map((name) => pixel(read(name)));
        return { names, shades, line, none };
    }
}

/* ---- the panel ---- */

class TrainingPanel {
    constructor(page, training) {
        const root = byId("training"), { values, loss, boundary } = training;
        Object.assign(this, { page, training, root, last: values.length - 1, slow: 0 });
        this.losses = loss.map(asNumber);
        this.counts = training.steps.map((name) => Number(name.match(/(\d+)\D*$/)?.[1] ?? 0));
        this.unit = training.steps[1]?.match(/epoch(?!.* step)/)?.[0] ?? "step";
        this.place = new Map(training.parameters.map((i, n) => [i, n]));
        this.boundary = boundary && new Boundary(boundary);
        this.build();
        for (const event of ["numbers", "select", "restore"]) page.on(event, () => this[event]());
        new MutationObserver(() => this.numbers()).observe(document.documentElement,
            { attributeFilter: ["data-theme"] });
        this.restore();
    }

    at(k) {
        return this.training.values[k].map(asNumber);
    }

    /* Whether the graph has other numbers than the step, or other data. */
    isEdited() {
        const { canEdit, edits, graph } = this.page, numbers = this.at(this.k);
        return canEdit && ([...edits.keys()].some((i) => !this.place.has(i))
            || this.training.parameters.some((i, n) => !Object.is(graph.value[i], numbers[n])));
    }

    build() {
        const { root, training } = this;
        this.play = el("button", { type: "button" });
        this.slider = el("input", { type: "range", max: this.last,
            "aria-label": `${this.unit} of the training` });
        this.where = el("output");
        this.hint = el("p", { class: "hint" });
        this.caption = el("caption");
        this.rows = el("tbody");
        this.table = el("table", { class: "changes" }, this.caption, this.rows);
        this.play.addEventListener("click", () => this.run(!this.timer));
        this.slider.addEventListener("input", () => this.scrub(Number(this.slider.value)));
        root.append(
            el("h2", {}, "Training", el("span", { class: "kind", text: training.how ?? "" })),
            el("div", { class: "controls" }, this.play, this.slider, this.where),
            ...(this.boundary ? [this.boundary.root] : []), this.curve(), this.hint, this.table);
        root.hidden = false;
        root.parentElement.prepend(root);
        this.run(false);
    }

    /* The loss after every step, and that of the validation examples. */
    curve() {
        const { losses, training, counts, unit, last } = this, end = counts[last] || 1;
        const validation = (training.validation ?? []).map(asNumber);
        const finite = [...losses, ...validation].filter(Number.isFinite).sort((a, b) => a - b);
        const low = finite[0] ?? 0, high = finite.at(-1) ?? 0, isLog = low > 0 && high > 20 * low;
        const range = isLog ? [low, high] : [Math.min(low, 0), Math.max(high, 0) || 1];
        const plot = new Plot(LOSS_HEIGHT, [0, end, 1], range, [unit, "loss"], isLog);
        const line = (row) => row.map((x, k) => (!Number.isFinite(x) ? ""
            : `${Number.isFinite(row[k - 1]) ? "L" : "M"}${plot.x(counts[k])},${plot.y(x)}`))
            .join("");
        const { root, marks, height } = plot;
        this.marker = svg("g", { class: "marker" },
            svg("path", { d: `M0,${TOP}v${height}` }), svg("circle", { r: 4.5 }));
        marks.append(svg("path", { class: "curve", d: line(losses) }));
        if (validation.length) {
            marks.append(svg("path", { class: "curve validation", d: line(validation) }),
                svg("text", { class: "end title", x: PLOT_WIDTH - RIGHT, y: TOP + 10,
                    text: "dashed: validation" }));
        }
        marks.append(this.marker);
        root.setAttribute("role", "img");
        for (const event of ["pointerdown", "pointermove"]) {
            root.addEventListener(event, ({ clientX, buttons, pointerId }) => {
                if (!buttons) return;
                const { left, width } = root.getBoundingClientRect();
                const x = ((clientX - left) / width) * PLOT_WIDTH - LEFT;
                root.setPointerCapture(pointerId);
                this.scrub((x / plot.width) * last);
            });
        }
        this.plot = plot;
        return root;
    }

    /* ---- going from step to step ---- */

    /* Put the graph where the training was after k steps; what is in edits stands above that. */
    go(k, edits = new Map()) {
        const { page } = this, { parameters } = this.training;
        this.k = Math.max(0, Math.min(this.last, Math.round(k) || 0));
        for (const i of parameters) if (!edits.has(i)) page.edits.delete(i);
        page.remember("training", this.k || null);
        page.editMany([...parameters, ...edits.keys()], [...this.at(this.k), ...edits.values()]);
        this.numbers();
    }

    scrub(k) {
        this.run(false);
        this.go(k);
    }

    run(isOn) {
        clearInterval(this.timer);
        this.timer = 0;
        this.play.textContent = isOn ? "❚❚ Pause" : "▶ Play";
        if (!isOn) return;
        if (this.k === this.last) this.go(0);
        const stride = Math.ceil(this.last / 200);
        this.timer = setInterval(() => {
            this.go(this.k + stride);
            if (this.k < this.last) return;
            this.run(false);
            this.show();
            this.page.announce(this.said);
        }, Math.min(LONGEST_WAIT, (PLAY_TIME * stride) / this.last));
    }

    restore() {
        document.documentElement.dataset.training = "watched";
        this.go(Number(this.page.recall("training")), new Map(this.page.edits));
    }

    /* What was selected is shown below this panel. */
    select() {
        if (this.page.selected === null && !this.page.card) return;
        const top = this.root.offsetHeight;
        this.root.parentElement.scrollTo({ top, behavior: isCalm() ? "auto" : "smooth" });
    }

    /* Many changes, one drawing. All numbers as they were: that is the start. */
    numbers() {
        const { page } = this;
        if (!page.isEdited && !page.isRestoring && this.isEdited()) {
            this.k = 0;
            page.remember("training", null);
        }
        this.frame ??= requestAnimationFrame(() => {
            this.frame = null;
            this.show();
        });
    }

    /* ---- showing one ---- */

    show() {
        const { page, slider, losses, counts, k, last } = this, loss = losses[k];
        const isEdited = this.isEdited(), own = page.graph.value[DATA.outputs[0]];
        const now = isEdited ? own : loss, name = this.training.steps[k];
        this.said = `${name}${isEdited ? ", edited by hand" : ""}: loss ${fmt(now)}`;
        this.where.textContent = this.said;
        slider.value = k;
        slider.setAttribute("aria-valuetext", this.said);
        document.documentElement.dataset.training = isEdited ? "edited" : "watched";
        this.hint.textContent = isEdited
            ? "Edited by hand: the recorded steps no longer follow from these numbers."
            : isSame(own, loss, 1e-6 * Math.abs(loss)) ? "" : page.canEdit
                ? `The graph comes to a loss of ${fmt(own)} here, the model to ${fmt(loss)}.`
                : "The graph stays as it was at the start: it cannot be changed here.";
        this.marker.setAttribute("transform", `translate(${this.plot.x(counts[k])},0)`);
        this.marker.lastChild.setAttribute("cy", Number.isFinite(loss) ? this.plot.y(loss) : -99);
        this.plot.root.setAttribute("aria-label", `Loss over ${countOf(counts[last], this.unit)}, `
            + `from ${fmt(losses[0])} to ${fmt(losses[last])}; ${name}: ${fmt(loss)}`);
        this.table.hidden = isEdited || !last;
        if (last) this.showChanges();
        if (this.boundary) this.showBoundary(now);
    }

    /* The weights that the next step moves most; at the end those that the last one moved, then
       without grads: those of the graph are not the ones that moved them. */
    showChanges() {
        const { page, training, k, last } = this, isEnd = k === last, at = isEnd ? k - 1 : k;
        const [from, to] = [this.at(at), this.at(at + 1)], hasGrads = page.canEdit && !isEnd;
        const moved = from.map((x, n) => Math.abs(to[n] - x) || 0);
        const most = [...moved.keys()].filter((n) => !Object.is(from[n], to[n]))
            .sort((a, b) => moved[b] - moved[a]).slice(0, MOST_CHANGES);
        const heads = ["parameter", ...(hasGrads ? ["grad"] : []),
            ...(isEnd ? ["before", "now"] : ["now", "next"])];
        const cell = (text, kind = "") => el("td", { class: `number ${kind}`, text });
        const span = training.steps.slice(at, at + 2).join(" to ");
        this.caption.textContent = `${most.length ? "Moved most" : "Nothing moved"} from ${span}`;
        this.rows.replaceChildren(
            el("tr", {}, ...heads.map((text, n) =>
                el("th", { scope: "col", class: n ? "number" : "", text }))),
            ...most.map((n) => {
                const i = training.parameters[n], grad = page.graph.grad[i];
                return el("tr", {}, el("th", { scope: "row" }, nodeButton(page, i)),
                    ...(hasGrads ? [cell(fmt(grad, { signed: true }), signClass(grad))] : []),
                    cell(fmt(from[n])), cell(`→ ${fmt(to[n])}`));
            }));
    }

    showBoundary(loss) {
        const { boundary, page } = this, numbers = this.at(this.k), began = performance.now();
        const { names, isShaded } = boundary, n = boundary.xs.length;
        const numberOf = (i) => (page.canEdit ? page.graph.value[i] : numbers[this.place.get(i)]);
        const right = boundary.draw(numberOf, this.slow > 2 ? COARSE_GRID : GRID);
        this.slow += performance.now() - began > SLOW ? 1 : this.slow > 2 ? 0 : -this.slow;
        const score = `${right} of ${n} right (${((100 * right) / n).toFixed(1)} %)`;
        boundary.note.textContent = isShaded ? "dots: examples, shaded by target"
            : `${score}${right < n ? "; ringed: wrong" : ""}`;
        boundary.canvas.setAttribute("aria-label", `What the model answers over `
            + `${names.join(" and ")}: loss ${fmt(loss)}${isShaded ? "" : `, ${score}`}`);
    }
}

function startTraining(page) {
    if (DATA.training) new TrainingPanel(page, DATA.training);
}
