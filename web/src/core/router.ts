// The address says what is shown: a path for the view, a query for filters and positions, so that each can be bookmarked and sent on.
import { computed, signal } from "@preact/signals";

export const path = signal(location.pathname);
const search = signal(location.search);
export const params = computed(() => new URLSearchParams(search.value));

function read(): void {
	path.value = location.pathname;
	search.value = location.search;
}
addEventListener("popstate", read);

export function navigate(to: string, replace = false): void {
	if (to === location.pathname + location.search)
		return;
	history[replace ? "replaceState" : "pushState"](null, "", to);
	const before = path.value;
	read();
	if (path.value !== before)
		scrollTo(0, 0);
}

/** Changes some parameters of the present address, null takes one away. Replaces the history's entry unless told otherwise. */
export function setParams(values: Record<string, string | null | undefined>, push = false): void {
	const p = new URLSearchParams(location.search);
	for (const [k, v] of Object.entries(values)) {
		if (v === null || v === undefined || v === "")
			p.delete(k);
		else
			p.set(k, v);
	}
	const text = p.toString();
	navigate(location.pathname + (text ? "?" + text : ""), !push);
}

// Plain links work: a click on one of ours stays in the page.
document.addEventListener("click", (e) => {
	const a = (e.target as Element | null)?.closest?.("a[href]") as HTMLAnchorElement | null;
	if (!a || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || a.target || a.hasAttribute("download") || a.origin !== location.origin ||
		a.pathname.startsWith("/api/") || a.pathname.startsWith("/hls/") || a.pathname.startsWith("/assets/"))
		return;
	e.preventDefault();
	navigate(a.pathname + a.search);
});
