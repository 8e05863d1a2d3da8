/* What the page shows at the moment, and how that changes: everyone else listens to its events.
 *
 *    events   "view" "call" "step" "select" "numbers" "restore" "field" (the reader wants to edit)
 *    hash     step, view, call, node, edits and theme, and what panels keep there
 */

const OWN_KEYS = ["step", "view", "call", "node", "edits"];
const HASH_DELAY = 150;  // ms; browsers complain of more than about 100 changes in 10 s
const MOST_EDITS = 100;  // in the hash

class Page {
    constructor(data) {
        const ops = data.ops.map((op, k) => ({ ...op, ...OPS[k] }));
        this.data = data;
        this.graph = new Graph(data.nodes, data.constants, ops, data.outputs, data.partials);
        this.names = new Names(data, this.graph);
        this.recorded = [this.graph.value.slice(), this.graph.grad.slice()];
        this.canEdit = !data.partials && ops.every((op) => op.forward);
        this.wrong = this.canEdit ? this.graph.firstDifference() : -1;
        if (this.wrong >= 0) this.canEdit = false;
        Object.assign(this, { listeners: {}, scenes: [], edits: new Map(), kept: new Map() });
        Object.assign(this, { step: 0, call: 0, selected: null, card: null, isEdited: false });
    }

    on(event, f) {
        (this.listeners[event] ??= []).push(f);
    }

    emit(event) {
        for (const f of this.listeners[event] ?? []) f();
        if (event !== "field") this.save();
    }

    announce(text) {
        const live = byId("live");  // the same again is to be said again
        live.textContent = text === live.textContent ? `${text}\u00a0` : text;
    }

    /* ---- views and steps ---- */

    get view() {
        return this.scene.view;
    }

    get steps() {
        return this.scene.steps;
    }

    name(i) {
        return this.names.name(i);
    }

    formula(i) {
        return this.names.formula(i);
    }

    tell(step = this.step) {
        const { main, sub, chip } = this.telling.step(step);
        return { main: plain(main), sub: plain(sub), chip };
    }

    sceneOf(v) {
        if (this.graph.size > 5000) this.scenes = { [v]: this.scenes[v] };  // keep one of the large
        return (this.scenes[v] ??= new Scene(this.data.views[v], this.graph));
    }

    setView(v, { isFresh = false } = {}) {
        if (!this.data.views[v] || (v === this.viewIndex && !isFresh)) return;
        const before = this.scene, { step } = this;
        this.scene = this.sceneOf(v);
        this.viewIndex = v;
        this.telling = new Telling(this.names, this.scene);
        this.scene.call = this.call = Math.max(0, Math.min(this.call, this.view.calls - 1));
        this.card = null;
        this.step = before ? this.scene.stepLike(before, step) : this.scene.last;
        this.emit("view");
        this.emit("step");
        this.select(this.selected);
    }

    setCall(k) {
        if (!Number.isInteger(k) || k < 0 || k >= this.view.calls) return false;
        const at = this.selected === null ? -1 : this.scene.cardOf[this.selected];
        this.scene.call = this.call = k;
        this.emit("call");
        if (at >= 0 && this.scene.cards[at].percall) this.select(this.scene.node(at));
        return true;
    }

    goTo(step) {
        this.step = Math.max(0, Math.min(this.scene.last, Math.round(step) || 0));
        this.emit("step");
    }

    /* The grad that has arrived at a node by the present step; null: none, as far as is drawn. */
    gradAt(i) {
        const { scene, step } = this, at = scene.cardOf[i];
        if (at < 0) return step === scene.last ? this.graph.grad[i] : null;
        if (scene.node(at) === i) return scene.grad(at, step).x;
        const isWhole = scene.outgoing[at].every((arrow) => scene.backwardStep[arrow] <= step);
        return isWhole && scene.grad(at, step).x !== null ? this.graph.grad[i] : null;
    }

    /* The node the present step is about, or null. */
    stepNode() {
        const step = this.steps[this.step];
        const i = step.card === undefined ? -1 : this.scene.node(step.card);
        return i < 0 ? null : i;
    }

    /* ---- folding: the view nearest to the present one in which a module is open, or not ---- */

    viewOpening(module) {
        return this.nearest((open) => open.has(module), [...this.view.open, module]);
    }

    viewFolding(module) {
        const rest = this.view.open.filter((m) => m !== module);
        return this.nearest((open) => !open.has(module), rest);
    }

    nearest(isRight, wanted) {
        let best = -1, least = Infinity;
        this.data.views.forEach(({ open }, v) => {
            const set = new Set(open);
            if (v === this.viewIndex || !isRight(set)) return;
            const far = wanted.filter((m) => !set.has(m)).length
                + open.filter((m) => !wanted.includes(m)).length;
            if (far < least) [best, least] = [v, far];
        });
        return best;
    }

    unfold(module) {
        this.change(this.viewOpening(module), `${this.data.modules[module].path} is open`);
        this.canvas.showFrame(module);
    }

    fold(module) {
        this.change(this.viewFolding(module), `${this.data.modules[module].path} is folded`);
    }

    change(view, said) {
        if (view < 0) return;
        this.setView(view);
        this.announce(said);
    }

    /* ---- selecting ---- */

    select(i) {
        const at = i === null ? -1 : this.scene.cardOf[i], card = this.scene.cards[at];
        if (card?.percall) {
            const k = card.nodes.indexOf(i);
            if (k !== this.call) {
                this.scene.call = this.call = k;
                this.emit("call");
            }
        }
        [this.selected, this.card] = [i, null];
        this.emit("select");
    }

    selectCard(at) {
        const node = this.scene.node(at), card = this.scene.cards[at];
        if (node >= 0) return this.select(node);
        [this.selected, this.card] = [null, card.nodes.length ? card : null];
        if (!card.nodes.length) this.announce(this.telling.title(at));
        this.emit("select");
    }

    /* Select a node in the view that shows it best: by itself, else on the smallest card. */
    jump(i) {
        const { views, classes } = this.data, c = this.classOf(i);
        const sizes = views.map(({ cards }) => {
            const card = cards.find((shown) => shown.classes?.includes(c));
            if (!card) return Infinity;
            const nodes = classes ? card.classes.flatMap((k) => classes[k]) : card.classes;
            return card.percall ? 1 : nodes.length + (card.module >= 0);
        });
        const least = Math.min(...sizes);
        if (sizes[this.viewIndex] > least && least < Infinity) this.setView(sizes.indexOf(least));
        this.select(i);
        if (this.scene.cardOf[i] >= 0) this.canvas.centre(this.scene.cardOf[i]);
        this.announce(`${this.name(i)}, ${this.names.kind(i)}`);
    }

    /* Nodes that no view tells apart are one class. */
    classOf(i) {
        const { classes } = this.data;
        return classes ? classes.findIndex((nodes) => nodes.includes(i)) : i;
    }

    highlight(nodes) {
        this.canvas?.highlight(nodes);
    }

    /* ---- editing ---- */

    edit(i, x) {
        if (!this.canEdit || !this.graph.isLeaf(i) || Object.is(this.graph.value[i], x)) return;
        if (Object.is(x, this.recorded[0][i])) this.edits.delete(i);
        else this.edits.set(i, x);
        this.editMany([i], [x]);
    }

    editMany(ids, xs) {
        if (!this.canEdit) return;
        ids.forEach((i, k) => { this.graph.value[i] = xs[k]; });
        this.graph.run();
        this.isEdited = this.graph.value.some((x, i) =>
            this.graph.isLeaf(i) && !Object.is(x, this.recorded[0][i]));
        if (!this.isEdited) this.takeRecorded();
        this.emit("numbers");
    }

    reset() {
        this.edits.clear();
        this.isEdited = false;
        this.takeRecorded();
        this.emit("numbers");
        this.announce("All numbers are as they were");
    }

    takeRecorded() {
        this.graph.value.set(this.recorded[0]);
        this.graph.grad.set(this.recorded[1]);
        this.graph.version++;
    }

    /* ---- the hash ---- */

    remember(key, value) {
        if (value === null || value === undefined) this.kept.delete(key);
        else this.kept.set(key, String(value));
        this.save();
    }

    recall(key) {
        return this.kept.get(key) ?? null;
    }

    entries() {
        const entries = [["step", String(this.step)]];
        if (this.viewIndex) entries.push(["view", String(this.viewIndex)]);
        if (this.view.calls && this.call) entries.push(["call", String(this.call + 1)]);
        if (this.selected !== null) entries.push(["node", String(this.selected)]);
        if (this.edits.size && this.edits.size <= MOST_EDITS) {
            entries.push(["edits", [...this.edits].map((edit) => edit.join(":")).join(",")]);
        }
        return [...entries, ...this.kept];
    }

    save() {
        if (this.isRestoring) return;
        clearTimeout(this.saving);
        this.saving = setTimeout(() => {
            const text = String(new URLSearchParams(this.entries())).replace(/%3A/g, ":");
            try {
                history.replaceState(null, "", `#${text.replace(/%2C/g, ",")}`);
            } catch { /* a page in a frame without an address of its own keeps no state */ }
        }, HASH_DELAY);
    }

    /* Take everything from the hash; what makes no sense there is passed over. */
    restore() {
        const asked = new URLSearchParams(location.hash.slice(1));
        const whole = (key) => (isWhole(asked.get(key)) ? Number(asked.get(key)) : null);
        this.isRestoring = true;
        this.kept = new Map([...asked].filter(([key]) => !OWN_KEYS.includes(key)));
        this.scene = null;
        this.call = Math.max(0, (whole("call") ?? 1) - 1);
        this.selected = this.card = null;
        const view = whole("view");
        this.setView(this.data.views[view] ? view : 0, { isFresh: true });
        this.restoreEdits(asked.get("edits") ?? "");
        if (whole("node") < this.graph.size && whole("node") !== null) this.select(whole("node"));
        this.goTo(whole("step") ?? this.scene.last);
        this.emit("restore");
        this.isRestoring = false;
    }

    restoreEdits(text) {
        if (this.isEdited) this.reset();
        if (!this.canEdit) return;
        for (const [key, x] of text.split(",").map((edit) => edit.split(":"))) {
            const i = isWhole(key) ? Number(key) : -1, number = parsed(x ?? "");
            if (!this.graph.isLeaf(i) || !Number.isFinite(number)) continue;
            if (Object.is(number, this.recorded[0][i])) this.edits.delete(i);
            else this.edits.set(i, number);
        }
        if (this.edits.size) this.editMany([...this.edits.keys()], [...this.edits.values()]);
    }
}

/* Whether a text is a whole number that a graph could have. */
function isWhole(text) {
    return /^\d{1,9}$/.test(text ?? "");
}
