// How the wall is divided. Cells are in units of columns and rows; the first ones of 1+5 and 1+7 are large.
export const gridNames = ["1", "4", "9", "16", "25", "1+5", "1+7"] as const;
export type GridName = (typeof gridNames)[number];
export interface Cell { x: number; y: number; span: number }
export interface Grid { name: GridName; size: number; cells: Cell[] }

function make(name: GridName, size: number, large: number): Grid {
	const cells: Cell[] = large > 1 ? [{ x: 0, y: 0, span: large }] : [];
	for (let y = 0; y < size; y++)
		for (let x = 0; x < size; x++)
			if (large <= 1 || x >= large || y >= large)
				cells.push({ x, y, span: 1 });
	return { name, size, cells };
}
export const grids: Record<GridName, Grid> = {
	"1": make("1", 1, 1), "4": make("4", 2, 1), "9": make("9", 3, 1), "16": make("16", 4, 1), "25": make("25", 5, 1), "1+5": make("1+5", 3, 2), "1+7": make("1+7", 4, 3),
};
export const isGrid = (text: string | null | undefined): text is GridName => gridNames.includes(text as GridName);
/** The smallest that shows so many at once. */
export const fit = (n: number): GridName => (["1", "4", "9", "16", "25"] as const).find((g) => grids[g].cells.length >= n) ?? "25";

/** The cell that lies next in a direction, the nearest of those that overlap; the same where there is none. */
export function neighbour(grid: Grid, from: number, dx: number, dy: number): number {
	const a = grid.cells[from];
	if (!a)
		return 0;
	let best = from, distance = Infinity;
	grid.cells.forEach((b, i) => {
		const along = dx ? (dx > 0 ? b.x - (a.x + a.span) : a.x - (b.x + b.span)) : dy > 0 ? b.y - (a.y + a.span) : a.y - (b.y + b.span);
		if (i === from || along < 0)
			return;
		const [p, pEnd, q, qEnd] = dx ? [a.y, a.y + a.span, b.y, b.y + b.span] : [a.x, a.x + a.span, b.x, b.x + b.span];
		const beside = Math.max(0, Math.max(p, q) - Math.min(pEnd, qEnd) + 0.01) * 100 + Math.abs(p - q);
		if (along * 10 + beside < distance) {
			distance = along * 10 + beside;
			best = i;
		}
	});
	return best;
}
