// Files that the page makes and the browser saves.
export function saveFile(data: Blob, name: string): void {
	const a = document.createElement("a");
	a.href = URL.createObjectURL(data);
	a.download = name;
	a.click();
	setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}
