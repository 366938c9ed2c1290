"""Rewrite tests/fixtures/{random,layouts,architectures} and tests/reference/golden with sentence-transformers.

    pip install -r tests/reference/requirements.txt
    python tests/fixtures/fetch_splade_tiny.py
    python tests/reference/generate.py [--only {checkpoints,layouts,architectures,tokenizers,variants}] [NAME…]
"""

import determinism  # isort: skip  (its settings must be there before torch is)

import argparse
import shutil
from pathlib import Path

import architectures
import checkpoints
import compact_json
import layout_golden
import layouts
import texts
import token_calls
import tokenizer_files
import tokenizer_switches
import variants
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
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=PARTS, help="leave the other folders as they are")
    parser.add_argument("names", nargs="*", help="of architectures; all without any")
    arguments = parser.parse_args()
    determinism.switch_on()
    all_texts = texts.load()
    for name, part in PARTS.items():
        if arguments.only in (None, name):
            part(all_texts, *([arguments.names] if name == "architectures" else []))


def write_checkpoints(all_texts: dict[str, str]) -> None:
    few_texts = {name: all_texts[name] for name in FEW}
    shutil.rmtree(FIXTURES / "random", ignore_errors=True)
    for path in GOLDEN.glob("*.json"):
        path.unlink()

    compact_json.write(GOLDEN / "splade-tiny.json", golden(str(FIXTURES / "splade-tiny"), "splade-tiny", all_texts))
    for checkpoint in checkpoints.all_checkpoints():
        folder = FIXTURES / "random" / checkpoint.name
        checkpoints.write(checkpoint, folder)
        label = f"random/{checkpoint.name}"
        compact_json.write(GOLDEN / f"{checkpoint.name}.json", golden(str(folder), label, few_texts))


def write_layouts(all_texts: dict[str, str]) -> None:
    fewer_texts = {name: all_texts[name] for name in FEWER}
    for folder in (FIXTURES / "layouts", GOLDEN / "layouts"):
        shutil.rmtree(folder, ignore_errors=True)

    row_lists = {}
    for layout in layouts.all_layouts():
        folder = FIXTURES / "layouts" / layout.name
        layouts.write(layout, folder)
        values = layout_golden.golden(layout, folder, f"layouts/{layout.name}", fewer_texts)
        compact_json.write(GOLDEN / "layouts" / f"{layout.name}.json", values)
        row_lists[layout.name] = values["row_lists"]
        assert layout.same_rows_as is None or row_lists[layout.same_rows_as] == values["row_lists"], layout.name


def write_architectures(all_texts: dict[str, str], names: list[str]) -> None:
    few_texts = {name: all_texts[name] for name in FEW}
    if not names:
        for folder in (FIXTURES / "architectures", GOLDEN / "architectures"):
            shutil.rmtree(folder, ignore_errors=True)

    for name, values in architectures.write_all(FIXTURES / "architectures", few_texts, names):
        compact_json.write(GOLDEN / "architectures" / f"{name}.json", values)


def write_tokenizers(all_texts: dict[str, str]) -> None:
    compact_json.write(GOLDEN / "tokenizers" / "switches.json", tokenizer_switches.golden(FIXTURES))
    compact_json.write(GOLDEN / "tokenizers" / "files.json", tokenizer_files.golden(FIXTURES))
    compact_json.write(GOLDEN / "tokenizers" / "calls.json", token_calls.golden(FIXTURES))


def write_variants(all_texts: dict[str, str]) -> None:
    compact_json.write(GOLDEN / "variants.json", variants.golden(FIXTURES, all_texts))


PARTS = {
    "checkpoints": write_checkpoints,
    "layouts": write_layouts,
    "architectures": write_architectures,
    "tokenizers": write_tokenizers,
    "variants": write_variants,
}

if __name__ == "__main__":
    main()
