// A menu at a button of a list that scrolls and clips: it stands over the page. Arrows move, Escape closes, focus goes back.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export function PopupMenu({ at, label, onClose, children }: { at: HTMLElement; label: string; onClose: () => void; children: ComponentChildren }) {
	const ref = useRef<HTMLDivElement>(null);
	const [place, setPlace] = useState({ left: 0, top: 0 });
	useLayoutEffect(() => {
		const b = at.getBoundingClientRect(), m = ref.current!.getBoundingClientRect();
		const below = b.bottom + 4 + m.height < innerHeight - 8;
		setPlace({ left: Math.max(8, Math.min(b.right - m.width, innerWidth - m.width - 8)), top: below ? b.bottom + 4 : Math.max(8, b.top - m.height - 4) });
	}, [at]);
	useEffect(() => {
		const items = () => [...ref.current!.querySelectorAll<HTMLElement>("[role=menuitem]")];
		items()[0]?.focus();
		const away = (e: Event) => !ref.current?.contains(e.target as Node) && onClose();
		const keys = (e: KeyboardEvent) => {
			const all = items(), here = all.indexOf(document.activeElement as HTMLElement);
			if (e.key === "Escape" || e.key === "Tab") {
				onClose();
				at.focus();
			} else if (e.key === "ArrowDown" || e.key === "ArrowUp")
				all[(here + (e.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]?.focus();
			else
				return;
			e.preventDefault();
			e.stopPropagation();
		};
		document.addEventListener("pointerdown", away);
		document.addEventListener("keydown", keys, true);
		return () => {
			document.removeEventListener("pointerdown", away);
			document.removeEventListener("keydown", keys, true);
		};
	}, []);
	return <div ref={ref} class="popup-menu" role="menu" aria-label={label} style={{ left: `${place.left}px`, top: `${place.top}px` }} onClick={() => {
		// A dialog that an item opens gives the focus back to the menu's button.
		at.focus();
		onClose();
	}}>{children}</div>;
}
