"""Rewrite tests/fixtures/{random,layouts} and tests/reference/golden with sentence-transformers.

    pip install -r tests/reference/requirements.txt
    python tests/fixtures/fetch_splade_tiny.py
    python tests/reference/generate.py
"""

import determinism  # isort: skip  (its settings must be there before torch is)

import shutil
from pathlib import Path

import checkpoints
import compact_json
import layout_golden
import layouts
import texts
from golden import golden

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
GOLDEN = HERE / "golden"

# A random checkpoint does the same arithmetic for every text: these cover its lengths and scripts.
FEW = """
weather sunny stadium empty newline_tab one_letter words_5000 chinese accents_nfd special_tokens special_glued
mixed_case german passage_science passage_history
""".split()

# A layout is a matter of files and routes: these tell one from another.
FEWER = """
weather sunny stadium empty one_letter words_5000 chinese accents_nfd special_tokens mixed_case german passage_science
""".split()


def main() -> None:
    determinism.switch_on()
    all_texts = texts.load()
    few_texts = {name: all_texts[name] for name in FEW}
    for folder in (GOLDEN, FIXTURES / "random", FIXTURES / "layouts"):
        shutil.rmtree(folder, ignore_errors=True)

    compact_json.write(GOLDEN / "splade-tiny.json", golden(str(FIXTURES / "splade-tiny"), "splade-tiny", all_texts))
    for checkpoint in checkpoints.all_checkpoints():
        folder = FIXTURES / "random" / checkpoint.name
        checkpoints.write(checkpoint, folder)
        label = f"random/{checkpoint.name}"
        compact_json.write(GOLDEN / f"{checkpoint.name}.json", golden(str(folder), label, few_texts))

    row_lists = {}
    for layout in layouts.all_layouts():
        folder = FIXTURES / "layouts" / layout.name
        layouts.write(layout, folder)
        fewer_texts = {name: all_texts[name] for name in FEWER}
        values = layout_golden.golden(layout, folder, f"layouts/{layout.name}", fewer_texts)
        compact_json.write(GOLDEN / "layouts" / f"{layout.name}.json", values)
        row_lists[layout.name] = values["row_lists"]
        assert layout.same_rows_as is None or row_lists[layout.same_rows_as] == values["row_lists"], layout.name


if __name__ == "__main__":
    main()
