"""Write tests/fixtures/layouts, a checkpoint for every layout that sentence-transformers reads."""

import shutil
from pathlib import Path

import csr
import routers
import splade_layouts
import static_embeddings
import weight_files
from layout import Layout


def all_layouts() -> list[Layout]:
    parts = [splade_layouts, routers, static_embeddings, csr, weight_files]
    layouts = [layout for part in parts for layout in part.all_layouts()]
    assert len({layout.name for layout in layouts}) == len(layouts), "two layouts have the same name"
    return layouts


def write(layout: Layout, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    layout.write(folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    assert size < 200_000, f"{layout.name}: {size} bytes"
