"""Compiles CUDA kernels for the cards they are made for, with NVRTC: `cargo xtask kernels` runs this.

    python compile.py ARCHITECTURE KERNEL.cu ...

Fails if a kernel does not compile, spills registers, or has its matrix instructions serialised by
the assembler (its warning C7515 and the like).
"""

import ctypes
import importlib.util
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def load_nvrtc():
    folder = Path(next(iter(importlib.util.find_spec("nvidia").submodule_search_locations)))
    libraries = sorted(folder.glob("*/lib/libnvrtc*.so.*")) + sorted(folder.glob("*/bin/**/nvrtc*.dll"))
    libraries = [library for library in libraries if ".alt." not in library.name]
    # It looks for its built-ins by name, which are found if they are loaded before.
    libraries.sort(key=lambda library: "builtins" not in library.name)
    return [ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL) for library in libraries][-1]


NVRTC = load_nvrtc()


def compile_kernel(architecture, path):
    """Whether NVRTC compiled it, and what it said."""
    program, source = ctypes.c_void_p(), path.read_bytes()
    if NVRTC.nvrtcCreateProgram(ctypes.byref(program), source, path.name.encode(), 0, None, None):
        sys.exit("NVRTC cannot start")
    options = [f"--gpu-architecture={architecture}", "--ptxas-options=-v", "--ptxas-options=-warn-spills"]
    options = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
    failed = NVRTC.nvrtcCompileProgram(program, len(options), options)
    size = ctypes.c_size_t()
    NVRTC.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    NVRTC.nvrtcGetProgramLog(program, log)
    return failed == 0, log.value.decode(errors="replace")


def complaint(is_compiled, log):
    """What is wrong with a kernel, if anything."""
    if not is_compiled:
        return "does not compile"
    spills = [int(bytes_) for bytes_ in re.findall(r"(\d+) bytes spill", log)]
    if len(spills) < 2:
        return "the assembler does not say what it spilled"
    if any(spills):
        return "spills registers"
    if re.search(r"C75\d\d|serializ", log):
        return "has its matrix instructions serialised"
    return None


def main():
    architecture, paths = sys.argv[1], [Path(path) for path in sys.argv[2:]]
    if not paths:
        sys.exit("no kernels")
    with ThreadPoolExecutor() as threads:
        results = list(threads.map(lambda path: compile_kernel(architecture, path), paths))
    n_failed = 0
    for path, (is_compiled, log) in zip(paths, results, strict=True):
        why = complaint(is_compiled, log)
        registers = re.search(r"Used (\d+) registers", log)
        print(f"{path.stem}: {why or f'{registers[1]} registers, no spills'}")
        if why:
            n_failed += 1
            print(log)
    if n_failed:
        sys.exit(f"{n_failed} of {len(paths)} kernels must be mended for {architecture}")


main()
