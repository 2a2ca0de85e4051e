// "..." at the end of a row; what it opens is not cut by the table.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { IconButton } from "./components";
import { PopupMenu } from "./PopupMenu";

/** Its children have role="menuitem". */
export function RowMenu({ label, children }: { label: string; children: ComponentChildren }) {
	const [at, setAt] = useState<HTMLElement | null>(null);
	return (
		<>
			<IconButton compact class="row-more" icon="more" label={label} aria-haspopup="menu" aria-expanded={at !== null} onClick={(e) => setAt(at ? null : e.currentTarget)} />
			{at && <PopupMenu at={at} label={label} onClose={() => setAt(null)}>{children}</PopupMenu>}
		</>
	);
}
