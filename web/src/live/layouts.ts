// Layouts that were saved: a person's own, and those of cities that all who work there share.
import { signal } from "@preact/signals";
import { get, put } from "../core/api";
import { cities } from "../core/store";
import { isGrid, type GridName } from "./grids";

export interface Layout { id: string; name: string; grid: GridName; cameras: (string | null)[]; cycle: number | null }
/** city: null for one's own. */
export interface SavedLayout extends Layout { city: string | null }

export const layouts = signal<SavedLayout[]>([]);
export const layoutsReady = signal(false);
export const layoutsError = signal<Error | null>(null);
export const LEAST_CYCLE = 5, MOST_CYCLE = 60;

const path = (city: string | null): string => (city === null ? "/layouts" : `/cities/${encodeURIComponent(city)}/layouts`);

/** What others wrote is looked at: anything may be in there. */
function understand(item: unknown, city: string | null): SavedLayout[] {
	const o = item as Partial<Layout> | null;
	if (!o || typeof o !== "object" || typeof o.id !== "string" || typeof o.name !== "string" || !Array.isArray(o.cameras))
		return [];
	const cycle = Number(o.cycle);
	return [{ id: o.id, name: o.name.slice(0, 100), grid: isGrid(o.grid) ? o.grid : "4", cameras: o.cameras.slice(0, 500).map((c) => (typeof c === "string" && c ? c : null)),
		cycle: cycle >= LEAST_CYCLE && cycle <= MOST_CYCLE ? cycle : null, city }];
}
const readRaw = async (city: string | null): Promise<unknown[]> => (await get<{ items: unknown[] }>(path(city), { background: true })).items;

export async function loadLayouts(): Promise<void> {
	try {
		const found = (await readRaw(null)).flatMap((i) => understand(i, null));
		const ids = [...cities.peek().keys()];
		for (let i = 0; i < ids.length; i += 4) {
			const some = ids.slice(i, i + 4);
			const lists = await Promise.all(some.map((c) => readRaw(c).catch(() => [])));
			lists.forEach((list, k) => found.push(...list.flatMap((l) => understand(l, some[k]!))));
		}
		layouts.value = found;
		layoutsError.value = null;
		layoutsReady.value = true;
	} catch (e) {
		layoutsError.value = e as Error;
	}
}

/** Read again before it is written: somebody else may have saved one meanwhile. */
async function change(city: string | null, edit: (items: unknown[]) => unknown[]): Promise<void> {
	await put(path(city), { items: edit(await readRaw(city)) });
	await loadLayouts();
}
const isIt = (id: string) => (i: unknown): boolean => (i as { id?: unknown } | null)?.id === id;

export async function saveLayout(layout: SavedLayout): Promise<void> {
	const { city, ...kept } = layout;
	await change(city, (items) => {
		const at = items.findIndex(isIt(layout.id));
		return at < 0 ? [...items, kept] : items.map((i, k) => (k === at ? kept : i));
	});
}
export const removeLayout = (layout: SavedLayout): Promise<void> => change(layout.city, (items) => items.filter((i) => !isIt(layout.id)(i)));

export function newLayoutId(): string {
	return [...crypto.getRandomValues(new Uint8Array(6))].map((b) => b.toString(16).padStart(2, "0")).join("");
}
