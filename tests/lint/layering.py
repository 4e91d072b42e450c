"""Every folder of src/ includes only what its row in src/README.md allows, and each library is met where it belongs."""

import re

from common import ROOT, files, finish, place

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
STANDARD = """assert complex ctype errno fenv float inttypes limits locale math setjmp signal stdalign stdarg stdatomic stdbool
stddef stdint stdio stdlib stdnoreturn string strings tgmath threads time dirent dlfcn endian execinfo fcntl fnmatch ftw glob
libgen malloc poll pthread pwd sched semaphore spawn syslog termios unistd utime xmmintrin emmintrin immintrin""".split()


def table_rows(text, first_header):
    """Cells of the Markdown table whose first header is this, without header and rule -> list of lists of text."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_header} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return rows


def names(cell):
    return [name.strip(" `") for name in cell.split(",") if name.strip(" `") not in ("", "–")]


def read_layers(text):
    """-> ({folder: folders it may include, itself and indirect ones too}, {library: folders})"""
    allowed, homes = {}, {}
    for folder, _, uses, libraries in table_rows(text, "folder"):
        folder = folder.strip("`")
        allowed[folder] = {folder}
        for used in names(uses):
            allowed[folder] |= allowed[used]
        for library in names(libraries):
            homes.setdefault(library, set()).add(folder)
    return allowed, homes


def read_libraries(text):
    """-> ({library: headers}, {(library, folder or None): most files})"""
    headers, limits = {}, {}
    for library, listed, most in table_rows(text, "library"):
        headers[library] = names(listed)
        if most:
            folder, _, number = most.rpartition(":")
            limits[library, folder.strip() or None] = int(number)
    return headers, limits


def includes(path):
    """-> [(line, '<' or '"', name)]"""
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            found.append((number, match[1], match[2]))
    return found


def library_of(name, headers):
    for library, listed in headers.items():
        if any(name == header or (header.endswith("/") and name.startswith(header)) for header in listed):
            return library
    return None


def is_standard(name):
    return name.startswith(("sys/", "linux/", "net/", "netinet/")) or name.removesuffix(".h") in STANDARD


def check_own(path, line, name, allowed):
    """A quoted include of a file in folder `allowed[0]`..."""
    top = name.split("/")[0]
    if top == "seedbed" or top in allowed:
        return None
    return f"{place(path, line)}: includes \"{name}\"; may include {', '.join(sorted(allowed))} and seedbed"


def check_file(path, folder, allowed, homes, headers, met):
    """Faults of one file; notes in met {(library, folder): files} where libraries are."""
    faults = []
    for line, kind, name in includes(path):
        library = library_of(name, headers)
        if kind == '"':
            faults.append(check_own(path, line, name, allowed))
        elif library:
            met.setdefault((library, folder), set()).add(path)
            if folder not in homes.get(library, ()):
                faults.append(f"{place(path, line)}: <{name}> ({library}) belongs in {', '.join(sorted(homes[library]))} only")
        elif not is_standard(name):
            faults.append(f"{place(path, line)}: <{name}> is not in the libraries' table of src/README.md")
    return [fault for fault in faults if fault]


def check_limits(limits, met):
    faults = []
    for (library, folder), most in limits.items():
        found = [path for (name, where), paths in met.items() if name == library and folder in (None, where) for path in paths]
        if len(found) > most:
            faults.append(f"{library} is met in {len(found)} files, at most {most}: {', '.join(map(place, sorted(found)))}")
    return faults


def main():
    text = (ROOT / "src" / "README.md").read_text()
    allowed, homes = read_layers(text)
    headers, limits = read_libraries(text)
    folders = {path.name for path in (ROOT / "src").iterdir() if path.is_dir()}
    faults = [f"src/README.md: no row for {name}" for name in sorted(folders - set(allowed))]
    faults += [f"src/README.md: a row for {name}, which is not there" for name in sorted(set(allowed) - folders)]
    met, checked = {}, files("src/*/**/*.[ch]", "include/seedbed/*")
    for path in checked:
        folder = path.relative_to(ROOT).parts[1]
        mine = {"seedbed"} if folder == "seedbed" else allowed.get(folder, set())
        faults += check_file(path, folder, mine, homes, headers, met)
    finish(faults + check_limits(limits, met), f"{len(checked)} files")


if __name__ == "__main__":
    main()
