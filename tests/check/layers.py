#!/usr/bin/env python3
"""Holds the include directions of src/ against layers.txt, and the rooms: which folder may use which library, private headers,
SQL. Speaks TAP. With --self-test it shows on small trees that each rule can fail."""
import os
import re
import sys
import tempfile

# A library's headers and the folders that may include them.
ROOMS = [
    (r"uv\.h|uv/.*", ["net"]),
    (r"microhttpd\.h", ["http"]),
    (r"sqlite3.*\.h", ["infra/catalog"]),
    (r"curl/.*", ["infra", "net"]),
    (r"yaml\.h", ["infra/config"]),
    (r"sodium.*", ["infra", "api", "cli"]),
    (r"openssl/.*", ["media", "app", "infra", "net"]),
    (r"zlib\.h", ["http", "api"]),
]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
SQL = re.compile(r'"\s*(SELECT\s.+?\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|(CREATE|DROP|ALTER)\s+TABLE|PRAGMA)\b', re.I)


def read_layers(path):
    layers = {}
    for line in open(path, encoding="utf-8"):
        line = line.split("#")[0].strip()
        if line:
            name, _, may = line.partition(":")
            layers[name.strip()] = set(may.split()) | {name.strip()}
    return layers


def sources(src):
    for folder, _, names in sorted(os.walk(src)):
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                yield os.path.relpath(os.path.join(folder, name), src)


def inside(path, folder):
    return path.startswith(folder + "/")


def check_quoted(src, path, target, layers):
    layer = path.split("/")[0]
    if "/" not in target:
        return f'include "{target}" by its path from src/'
    if not os.path.exists(os.path.join(src, target)):
        return f'"{target}" is not in src/'
    if target.split("/")[0] not in layers.get(layer, set()):
        return f'{layer} may not include "{target}" (layers.txt)'
    if target.endswith("_priv.h") and os.path.dirname(target) != os.path.dirname(path):
        return f'"{target}" is private to its folder'
    return None


def check_system(path, target):
    for pattern, rooms in ROOMS:
        if re.fullmatch(pattern, target) and not any(inside(path, r) for r in rooms):
            return f"<{target}> belongs to {', '.join(rooms)}"
    return None


def check_file(src, path, layers):
    """All that is wrong with one file, as (line, sentence)."""
    text = open(os.path.join(src, path), encoding="utf-8").read()
    if path.split("/")[0] not in layers:
        yield 1, "is in no layer of layers.txt"
    for m in INCLUDE.finditer(text):
        wrong = check_quoted(src, path, m[2], layers) if m[1] == '"' else check_system(path, m[2])
        if wrong:
            yield text.count("\n", 0, m.start()) + 1, wrong
    if not inside(path, "infra/catalog"):
        bare = COMMENT.sub(lambda m: "\n" * m[0].count("\n"), text)
        for m in STRING.finditer(bare):
            if SQL.match(m[0]):
                yield bare.count("\n", 0, m.start()) + 1, "SQL belongs to infra/catalog"


def check_tree(root):
    src = os.path.join(root, "src")
    layers = read_layers(os.path.join(root, "layers.txt"))
    return {path: list(check_file(src, path, layers)) for path in sources(src)}


def report(root):
    results = check_tree(root)
    print(f"1..{len(results)}")
    for i, (path, wrong) in enumerate(results.items(), 1):
        print(f"{'not ok' if wrong else 'ok'} {i} - {path}")
        for line, sentence in wrong:
            print(f"# src/{path}:{line}: {sentence}")
    return 1 if any(results.values()) else 0


SELF_TESTS = [  # files, the sentence that must be said (None: nothing)
    ({"base/a.h": "", "media/b.c": '#include "base/a.h"\n#include <stdio.h>\n'}, None),
    ({"media/a.h": "", "base/b.c": '#include "media/a.h"\n'}, "base may not include"),
    ({"base/a.h": "", "base/b.c": '#include "a.h"\n'}, "by its path"),
    ({"base/b.c": '# include "base/none.h"\n'}, "is not in src"),
    ({"media/x/a_priv.h": "", "media/y/b.c": '#include "media/x/a_priv.h"\n'}, "private"),
    ({"media/x/a_priv.h": "", "media/x/b.c": '#include "media/x/a_priv.h"\n'}, None),
    ({"media/b.c": "#include <uv.h>\n"}, "belongs to net"),
    ({"base/b.c": "#include <curl/curl.h>\n"}, "belongs to infra"),
    ({"base/b.c": 'const char *q = "SELECT a FROM b";\n'}, "SQL belongs"),
    ({"base/b.c": '/* "SELECT a FROM b" */ const char *s = "select a city";\n'}, None),
    ({"attic/b.c": ""}, "in no layer"),
]


def self_test():
    print(f"1..{len(SELF_TESTS)}")
    failed = 0
    for i, (files, expected) in enumerate(SELF_TESTS, 1):
        with tempfile.TemporaryDirectory() as root:
            files = dict(files, **{"../layers.txt": "base:\nmedia: base\n"})
            for path, text in files.items():
                full = os.path.normpath(os.path.join(root, "src", path))
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as f:
                    f.write(text)
            said = [s for wrong in check_tree(root).values() for _, s in wrong]
        good = not said if expected is None else len(said) == 1 and expected in said[0]
        failed += not good
        print(f"{'ok' if good else 'not ok'} {i} - {expected or 'good tree'}")
        if not good:
            print(f"# said: {said}")
    return 1 if failed else 0


if __name__ == "__main__":
    if "--self-test" in sys.argv:
        sys.exit(self_test())
    sys.exit(report(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")))
