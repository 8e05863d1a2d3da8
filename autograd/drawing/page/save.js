/* Take the picture along: as SVG, as PNG, or as Graphviz source of the present view and step.
 *
 * A saved SVG stands alone: what the style sheet says of an element is written into it, in the
 * light theme and on white, so that any viewer shows what the page showed.
 */

/* In px: around a saved picture, and of a PNG. */
const EDGE = 16, PNG_SCALE = 2, MOST_SIDE = 16000, MOST_AREA = 1e8;
const GEOMETRY = ["d", "x", "y", "width", "height", "rx", "r", "cx", "cy", "transform",
    "textLength", "lengthAdjust"];
const INHERITED = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap",
    "stroke-linejoin", "paint-order", "font-family", "font-size", "font-weight", "text-anchor"];

/* Run f as if the reader had chosen the light theme, and nothing moved: "still" ends animations of
   the style sheet, finish() those of scripts. */
function inLight(f) {
    const root = document.documentElement, { theme } = root.dataset;
    root.dataset.theme = "light";
    root.classList.add("still");
    root.getAnimations({ subtree: true }).forEach((animation) => animation.finish());
    try {
        return f();
    } finally {
        root.classList.remove("still");
        if (theme) root.dataset.theme = theme;
        else delete root.dataset.theme;
    }
}

/* {colour, opacity} of a computed colour: "rgb(1, 2, 3)", "rgba(…, 0.5)", "color(srgb … / 0.5)". */
function paintOf(text) {
    const numbers = text.match(/[\d.]+(e-?\d+)?/g)?.map(Number);
    if (!numbers || text === "none") return { colour: "none", opacity: 0 };
    const scale = text.startsWith("color") ? 255 : 1;
    const hex = numbers.slice(0, 3).map((x) => Math.round(x * scale).toString(16).padStart(2, "0"));
    return { colour: `#${hex.join("")}`, opacity: numbers[3] ?? 1 };
}

/* A copy of a drawn element with its looks as attributes; null if nothing is to be seen of it. */
function standalone(from, around) {
    if (from.tagName === "title") return svg("title", { text: from.textContent });
    const style = getComputedStyle(from), { TEXT_NODE } = Node;
    const isShape = ["path", "rect"].includes(from.tagName);
    const isClear = (name) => paintOf(style[name]).opacity === 0;
    if (style.display === "none" || (isShape && isClear("fill") && isClear("stroke"))) return null;
    const to = svg(from.tagName);
    for (const name of GEOMETRY) {
        if (from.hasAttribute(name)) to.setAttribute(name, from.getAttribute(name));
    }
    if (style.opacity !== "1") to.setAttribute("opacity", style.opacity);
    for (const name of INHERITED) {
        const value = style.getPropertyValue(name);
        if (value === around?.getPropertyValue(name)) continue;
        if (name !== "fill" && name !== "stroke") to.setAttribute(name, value);
        else {
            const { colour, opacity } = paintOf(value);
            to.setAttribute(name, opacity ? colour : "none");
            if (opacity % 1) to.setAttribute(`${name}-opacity`, opacity);
        }
    }
    for (const child of from.childNodes) {
        const copy = child.nodeType === TEXT_NODE ? child.cloneNode() : standalone(child, style);
        if (copy) to.append(copy);
    }
    return to;
}

/* The whole view as an SVG file: {text, width, height}. */
function svgFile(page) {
    const { root } = page.canvas, box = root.getBBox();
    const [x, y] = [Math.floor(box.x) - EDGE, Math.floor(box.y) - EDGE];
    const [width, height] = [Math.ceil(box.width) + 2 * EDGE, Math.ceil(box.height) + 2 * EDGE];
    const saved = inLight(() => standalone(root, null));
    furnish(saved, { width, height, viewBox: `${x} ${y} ${width} ${height}`, role: "img" }, []);
    saved.prepend(svg("title", { text: DATA.title || "graph" }),
        svg("desc", { text: page.tell().main }),
        svg("rect", { x, y, width, height, fill: "#ffffff" }));
    return { text: new XMLSerializer().serializeToString(saved), width, height };
}

/* Draw an SVG file twice as large, or as large as a canvas may be. */
async function pngFile({ text, width, height }) {
    const scale = Math.min(PNG_SCALE, MOST_SIDE / Math.max(width, height),
        Math.sqrt(MOST_AREA / (width * height)));
    const image = new Image();
    image.src = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    await image.decode();
    const canvas = el("canvas",
        { width: Math.round(width * scale), height: Math.round(height * scale) });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(image.src);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function fileName(ending) {
    const name = DATA.title.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[.-]+|[.-]+$/g, "");
    return `${name.slice(0, 60) || "graph"}.${ending}`;
}

function download(blob, name) {
    const link = el("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/* ---- Graphviz source ---- */

/* Lines as an HTML-like label, in which \N would be read as the node's id. */
function dotLabel(...lines) {
    const named = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\\": "\\\\" };
    const plain = (text) => text.replace(/[&<>\\]/g, (letter) => named[letter]);
    return `label=<${lines.filter(Boolean).map(plain).join("<BR/>") || " "}>`;
}

/* A card as it is drawn: what its header says, then a line for each row. */
function dotCard(root) {
    const all = (kind) => [...root.querySelectorAll(kind)].map((text) => text.textContent);
    const numbers = all(".value, .range, .row-text, .grad"), terms = all(".term");
    const rows = numbers.map((number, k) =>
        `${terms.at(k - numbers.length) ?? ""} ${number}`.trim());
    const colour = (kind, key) => paintOf(getComputedStyle(root.querySelector(kind))[key]).colour;
    return `${dotLabel(all(".symbol, .name").join(" "), ...rows, ...all(".note"))} `
        + `color="${colour(".border", "stroke")}" fillcolor="${colour(".header", "fill")}"`;
}

/* The present view and step; cards in the box of a frame are in its cluster. */
function dotSource({ view, scene, canvas }) {
    const isIn = (a, b) => a.x >= b.x && a.y >= b.y
        && a.x + a.w <= b.x + b.w && a.y + a.h <= b.y + b.h;
    const around = (box) => view.frames.filter((frame) => frame !== box && isIn(box, frame))
        .sort((a, b) => a.w * a.h - b.w * b.h)[0];
    const inside = (frame) => [
        ...scene.cards.flatMap((card, at) =>
            (around(card) === frame ? `n${at} [${dotCard(canvas.cards[at].root)}]` : [])),
        ...view.frames.flatMap((inner) => (around(inner) === frame ? [
            `subgraph cluster_${inner.module} {`, `${dotLabel(DATA.modules[inner.module].name)}`,
            ...inside(inner), "}"] : [])),
    ];
    const arrows = scene.arrows.map(({ tail, head }, at) => {
        const { line, label } = canvas.arrows[at], { stroke, strokeWidth } = getComputedStyle(line);
        return `n${tail} -> n${head} [color="${paintOf(stroke).colour}" `
            + `penwidth=${parseFloat(strokeWidth)} ${dotLabel(label?.textContent)}]`;
    });
    return ["digraph {", `rankdir=${view.rankdir} style=rounded color="#cbd2d9" fontname=Helvetica`,
        'node [shape=box style="filled,rounded" penwidth=2 fontname=Helvetica]',
        "edge [fontname=Helvetica fontsize=10]", ...inside(), ...arrows, "}", ""].join("\n");
}

/* ---- buttons ---- */

/* For where the clipboard may not be written: the text, to be copied by hand. */
function showText(text) {
    const area = el("textarea", { readonly: true, rows: 16, "aria-label": "Graphviz source" });
    area.value = text;
    const close = el("button", { type: "button", class: "strong", text: "Close" });
    const dialog = el("dialog", { id: "dot", "aria-labelledby": "dot-title" },
        el("h2", { id: "dot-title", text: "Graphviz source" }),
        el("p", { class: "hint", text: "The clipboard is closed to this page: copy it by hand." }),
        area, close);
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    area.select();
}

function startSaving(page) {
    onClick("save-svg", () => {
        download(new Blob([svgFile(page).text], { type: "image/svg+xml" }), fileName("svg"));
        page.announce(`Saved ${fileName("svg")}`);
    });
    onClick("save-png", async () => {
        download(await pngFile(svgFile(page)), fileName("png"));
        page.announce(`Saved ${fileName("png")}`);
    });
    onClick("copy-dot", async () => {
        const text = inLight(() => dotSource(page));
        try {
            await navigator.clipboard.writeText(text);
            page.announce("Graphviz source copied");
        } catch {
            showText(text);
        }
    });
}
