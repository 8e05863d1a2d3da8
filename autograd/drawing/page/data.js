/* The cards of a view, as Python left them: what is not said is added, and their nodes when asked.
 *
 *    DATA.classes   the nodes of every class; null: each node is a class of its own
 *    looped         an instruction in loops: their frames say how often, the card need not
 */

/* What folds, and one of its times. */
const [MODULE, CALL] = DATA.isProgram ? ["loop", "round"] : ["module", "call"];

for (const card of DATA.views.flatMap((view) => view.cards)) {
    const said = { badge: "", count: 1, looped: false, module: -1, row: "", percall: false, ...card };
    let nodes = null;
    Object.defineProperty(Object.assign(card, said), "nodes", {
        get() {
            nodes ??= DATA.classes
                ? card.classes.flatMap((c) => DATA.classes[c]).sort((i, j) => i - j)
                : card.classes;
            return nodes;
        },
    });
}
