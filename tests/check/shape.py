#!/usr/bin/env python3
"""Sizes and words the style asks for: files of at most 800 lines, functions of at most 80, lines of at most 140 columns, no notes to
self left in the code, no paths of one machine. Speaks TAP; looks at what git tracks."""
import re
import subprocess
import sys

FILE_LINES, FUNCTION_LINES, COLUMNS = 800, 80, 140
NOTES = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE = re.compile(r"(?<![\w.~/-])/(work|root|home/\w+|Users/\w+)/")
NOT_OURS = re.compile(r"(package-lock\.json|\.csv|\.golden|\.m3u8|\.sdp|\.txt)$")


def width(line):
    return len(line.expandtabs(8))


def functions(lines):
    """(line, length) of each body whose brace stands in the first column."""
    start = None
    for i, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = i
        elif line.startswith("}") and start:
            yield start, i - start - 1
            start = None


def mistakes(path, text):
    lines = text.splitlines()
    code = path.endswith((".c", ".h"))
    checker = path.startswith("tests/check/")
    for i, line in enumerate(lines, 1):
        if code and width(line) > COLUMNS:
            yield i, f"{width(line)} columns, at most {COLUMNS}"
        if not checker and path.endswith((".c", ".h", ".py", ".sh", ".mjs", ".ts", ".build")) and NOTES.search(line):
            yield i, "a note to self"
        if not checker and MACHINE.search(line):
            yield i, "a path of one machine"
    if code and len(lines) > FILE_LINES:
        yield len(lines), f"{len(lines)} lines, at most {FILE_LINES}"
    if path.endswith(".c"):
        for start, length in functions(lines):
            if length > FUNCTION_LINES:
                yield start, f"a function of {length} lines, at most {FUNCTION_LINES}"


def main():
    names = subprocess.run(["git", "ls-files", "-z"], stdout=subprocess.PIPE, check=True, text=True).stdout.split("\0")
    failed = count = 0
    for path in filter(None, names):
        if NOT_OURS.search(path):
            continue
        try:
            text = open(path, encoding="utf-8").read()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        wrong = list(mistakes(path, text))
        count += 1
        failed += bool(wrong)
        if wrong:
            print(f"not ok {count} - {path}")
        for line, sentence in wrong:
            print(f"# {path}:{line}: {sentence}")
    print(f"# {count} files, {failed} with something to mend")
    print(f"1..{count}" if not failed else f"# shape: {failed} of {count} files fail")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
