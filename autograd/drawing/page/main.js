/* Start: the one `page` object, everything that listens to it, and what the hash asks for. */

const page = new Page(DATA);
byId("title").textContent = DATA.title || "graph";
page.on("view", () => arrange(page));
page.canvas = new Canvas(page, byId("graph"));
const transport = new Transport(page);
startViews(page);
startLook(page);
startKeys(page, transport);
startNotes(page);
startGuards(page);
new Search(page);
new LeafPanel(page);
page.restore();
for (const start of [startChain, startTable, startSource, startTraining, startSaving]) start(page);
addEventListener("resize", () => arrange(page));
addEventListener("hashchange", () => page.restore());
