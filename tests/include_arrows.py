#!/usr/bin/env python3
"""Every #include under src/ points down the order of cmake/hc_module.cmake, never up or sideways.

The linker enforces the same for symbols; this catches headers, which need no symbol. It also keeps the
heavy third-party headers where they belong (seconds of compile time each, and one place to replace them).
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

# prefix of the header -> (modules, whether headers named *_internal.h may include it too)
THIRD_PARTY = {
    "boost/asio": ({"net", "server"}, True),
    "boost/beast": ({"net", "server"}, False),
    "boost/url": ({"net", "server", "cli"}, False),
    "curl/": ({"net"}, False),
    "openssl/": ({"net", "base"}, False),
    "zlib.h": ({"net"}, False),
    "zstd.h": ({"net"}, False),
    "simdjson": ({"format", "net"}, True),
    "toml++": ({"format"}, True),
    "rocksdb/": ({"store"}, True),
    "prometheus/": ({"server"}, True),
    "CLI/": ({"cli"}, True),
    "spdlog/": ({"base"}, False),
    "xxhash.h": ({"base"}, False),
}
TEST_ONLY = ("gtest/", "gmock/", "rapidcheck")


def levels():
    text = (ROOT / "cmake/hc_module.cmake").read_text()
    return {name: int(level) for name, level in re.findall(r"set\(HC_LEVEL_(\w+) (\d+)\)", text)}


def is_test(path):
    return re.search(r"_(test|test_util|bench)\.(cc|h)$", path.name)


def problems_of(path, level):
    module = path.relative_to(ROOT / "src").parts[0]
    for match in INCLUDE.finditer(path.read_text()):
        quote, header = match.groups()
        line = path.read_text()[: match.start()].count("\n") + 1
        where = f"{path.relative_to(ROOT)}:{line}: {header}"
        target = header.split("/")[0]
        if quote == '"':
            if target not in level:
                yield f"{where}: includes of ours name the full path from src/"
            elif target != module and level[target] >= level[module] and not (
                is_test(path) and level[target] == level[module]
            ):
                yield f"{where}: {module} may not include {target}"
            elif header.endswith("_internal.h") and target != module:
                yield f"{where}: internal to {target}"
            continue
        for prefix, (modules, internal) in THIRD_PARTY.items():
            if header.startswith(prefix) and not is_test(path):
                allowed = path.suffix == ".cc" or (internal and path.name.endswith("_internal.h"))
                if module not in modules or not allowed:
                    yield f"{where}: only .cc files of {', '.join(sorted(modules))} may include it"
        if header.startswith(TEST_ONLY) and not is_test(path):
            yield f"{where}: only tests may include it"


def main():
    level = levels()
    files = sorted(p for p in (ROOT / "src").rglob("*") if p.suffix in (".cc", ".h"))
    problems = [problem for path in files for problem in problems_of(path, level)]
    if not level or not files:
        problems.append("nothing to check: no modules or no files found")
    print("\n".join(problems) if problems else f"include arrows: {len(files)} files in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
