// Line icons of 24 units, drawn for this page.
const shapes = {
	home: "M4 11 12 4l8 7v9h-5v-6H9v6H4z",
	streams: "M3 6h18M3 12h18M3 18h18M6 6v.01M6 12v.01M6 18v.01",
	wall: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
	lookback: "M3 12a9 9 0 1 0 3-6.700L3 8M3 3v5h5M12 8v4l3 2",
	camera: "M3 8h11a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2zM16 12l5-3v8l-5-3z",
	city: "M4 20V9l6-4v15M10 20V11h10v9M2 20h20M13 14h1M16 14h1M13 17h1M16 17h1M7 10v.01M7 13v.01M7 16v.01",
	expiring: "M7 3h10M7 21h10M8 3c0 5 8 5 8 9s-8 4-8 9M16 3c0 5-8 5-8 9s8 4 8 9",
	hold: "M7 11V8a5 5 0 0 1 10 0v3M5 11h14v9H5zM12 15v2",
	promise: "M12 3 4 6v6c0 5 3.500 7.800 8 9 4.500-1.200 8-4 8-9V6zM8.500 12l2.500 2.500 4.500-5",
	notice: "M6 16V10a6 6 0 0 1 12 0v6l2 2H4zM10 21h4",
	users: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20c0-4 3-6 6.500-6s6.500 2 6.500 6M16 4.500a3.500 3.500 0 0 1 0 6.500M18 14.500c2.300.800 3.500 2.700 3.500 5.500",
	audit: "M6 3h9l4 4v14H6zM9 10h6M9 14h6M9 18h4",
	account: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4.500 3.500-7 8-7s8 2.500 8 7",
	search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM20 20l-4.800-4.800",
	close: "M6 6l12 12M18 6 6 18",
	menu: "M4 7h16M4 12h16M4 17h16",
	more: "M5 12h.01M12 12h.01M19 12h.01",
	plus: "M12 5v14M5 12h14",
	check: "M5 12.500l4.500 4.500L19 7.500",
	warn: "M12 4 2.500 20h19zM12 10v4M12 17v.01",
	info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8v.01",
	play: "M8 5v14l11-7z",
	pause: "M8 5v14M16 5v14",
	stop: "M6 6h12v12H6z",
	record: "M12 17a5 5 0 1 0 0-10 5 5 0 0 0 0 10z",
	back: "M15 5l-7 7 7 7",
	forward: "M9 5l7 7-7 7",
	up: "M6 15l6-6 6 6",
	down: "M6 9l6 6 6-6",
	skipEnd: "M6 5v14l9-7zM18 5v14",
	skipStart: "M18 5v14l-9-7zM6 5v14",
	fullscreen: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
	photo: "M4 8h4l2-3h4l2 3h4v11H4zM12 16.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7z",
	mark: "M6 3h12v18l-6-4.500L6 21z",
	download: "M12 4v11M7 11l5 5 5-5M4 20h16",
	upload: "M12 20V9M7 13l5-5 5 5M4 4h16",
	eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
	edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
	trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v6M14 11v6",
	refresh: "M20 11a8 8 0 1 0-1.500 6M20 4v7h-7",
	clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.500 2",
	disk: "M4 6h16v5H4zM4 13h16v5H4zM16 8.500v.01M16 15.500v.01",
	signal: "M5 18v-3M10 18v-6M15 18V9M20 18V5",
	noSignal: "M5 18v-3M10 18v-6M15 18V13M20 18V9M4 4l16 16",
	sun: "M12 16.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600 19 19M19 5l-1.400 1.400M6.400 17.600 5 19",
	moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z",
	sound: "M4 9.500h4l5-4v13l-5-4H4zM16.500 9a4 4 0 0 1 0 6M19 6.500a8 8 0 0 1 0 11",
	mute: "M4 9.500h4l5-4v13l-5-4H4zM17 10l4 4M21 10l-4 4",
	wrench: "M14.500 6.500a4 4 0 0 1 5-3l-2.500 2.500 1 2 2 1 2.500-2.500a4 4 0 0 1-5.500 5L8 20a2 2 0 0 1-3-3l8.500-8.500",
	calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
	link: "M10 14a4 4 0 0 0 6 .500l3-3a4 4 0 0 0-5.500-5.500l-1.500 1.500M14 10a4 4 0 0 0-6-.500l-3 3A4 4 0 0 0 10.500 18l1.500-1.500",
	logout: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
	filter: "M4 5h16l-6 8v6l-4-2v-4z",
	share: "M6 14a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM18 8a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM18 21a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM8.300 10.300l7.400-3.600M8.300 12.800l7.400 4.500",
	keyboard: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M17 14h.01M7 14h.01M10 14h4",
} as const;
export type IconName = keyof typeof shapes;

/** Decoration: what it means is said beside it or by its button's label. */
export function Icon({ name, small }: { name: IconName; small?: boolean }) {
	return <svg class={small ? "icon small" : "icon"} viewBox="0 0 24 24" aria-hidden="true"><path d={shapes[name]} /></svg>;
}

export function Logo() {
	return (
		<svg viewBox="0 0 32 32" aria-hidden="true">
			<rect width="32" height="32" rx="7" fill="#0b6e8a" />
			<path d="M4.500 16S9 8.500 16 8.500 27.500 16 27.500 16 23 23.500 16 23.500 4.500 16 4.500 16z" fill="none" stroke="#fff" stroke-width="2.400" />
			<circle cx="16" cy="16" r="4" fill="#fff" />
		</svg>
	);
}
