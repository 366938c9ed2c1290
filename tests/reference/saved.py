"""Load what `splade convert` writes with sentence-transformers, and compare vectors.

    cargo xtask saved

Every model of tests/fixtures is converted three times: as it is stored, to bf16 and to f16. Of the first the reference's
vectors must be those that it makes of the original folder, and ours. Of the others they must be those of the original
loaded in that type, and the folder must say the type. `cargo xtask saved` runs this with the program and a folder to
write to.
"""

import determinism  # isort: skip  (its settings must be there before torch is)

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from sentence_transformers import SparseEncoder

import gte
import layouts
import texts

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
TEXTS = "weather sunny empty one_letter words_5000 chinese accents_nfd mixed_case passage_science".split()
METHODS = {"encode": [], "encode_query": ["--task", "query"], "encode_document": ["--task", "document"]}
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16}

# As the tests of the program, ours against the reference. The reference against itself: all of its arithmetic is the
# same, so nothing may differ.
TOLERANCE = 1e-4

# sentence-transformers has no module for it.
REFUSED = {"bge-m3": "sparse_linear.pt"}

# The reference looks for a table of weights in its working folder.
WORKING_FOLDERS = {layout.name: layout.working_folder for layout in layouts.all_layouts()}


def main(program: str, target: Path) -> None:
    determinism.switch_on()
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    all_texts = texts.load()
    some_texts = {name: all_texts[name] for name in TEXTS}
    lines = [json.dumps({"id": name, "text": text}) for name, text in some_texts.items()]
    (target / "texts.jsonl").write_text("\n".join(lines) + "\n")
    models = [FIXTURES / "splade-tiny"]
    for group in ["layouts", "architectures", "random"]:
        models += sorted(path for path in (FIXTURES / group).iterdir() if path.is_dir())
    worst = {}
    n_vectors = 0
    for model in models:
        label = f"{model.parent.name}/{model.name}"
        if model.name in REFUSED:
            check_refusal(program, model, target)
            print(f"{label}: refused by name")
            continue
        found, n = compare(program, model, target, some_texts)
        n_vectors += n
        print(f"{label}: " + ", ".join(f"{name} {distance:.1e}" for name, distance in found.items()), flush=True)
        for name, distance in found.items():
            worst[name] = max(worst.get(name, 0.0), distance)
    print(f"\n{len(models) - len(REFUSED)} models, {n_vectors} vectors; largest distances:")
    for name, distance in worst.items():
        print(f"  {name:<32} {distance:.1e}")


def check_refusal(program: str, model: Path, target: Path) -> None:
    ran = subprocess.run([program, "convert", model, "-o", target / "refused"], capture_output=True, text=True)
    assert ran.returncode == 1 and REFUSED[model.name] in ran.stderr, ran
    assert not (target / "refused").exists()


def compare(program: str, model: Path, target: Path, some_texts: dict[str, str]) -> tuple[dict[str, float], int]:
    """The largest distances between vectors that should be the same, and how many there were."""
    saved = target / model.parent.name / model.name
    saved.parent.mkdir(exist_ok=True)
    convert(program, model, saved)
    theirs = load(original(model, target), torch.float32)
    ours_saved = SparseEncoder(str(saved), device="cpu", model_kwargs={"dtype": torch.float32})
    check_settings(theirs, ours_saved, model)
    found = {"reference, before and after": 0.0, "ours": 0.0, "reference, bf16": 0.0, "reference, f16": 0.0}
    n = 0
    for method, arguments in METHODS.items():
        before = vectors(theirs, method, some_texts)
        after = vectors(ours_saved, method, some_texts)
        ours = our_vectors(program, saved, target, arguments)
        assert (before is None) == (after is None) == (ours is None), (model, method)
        if before is None:
            continue
        n += len(before)
        found["reference, before and after"] = max(found["reference, before and after"], distance(before, after))
        for name, row in ours.items():
            dense = torch.zeros_like(after[name])
            dense[torch.tensor(row["indices"], dtype=torch.long)] = torch.tensor(row["values"], dtype=torch.float32)
            allowed = TOLERANCE + TOLERANCE * after[name].abs()
            assert ((dense - after[name]).abs() <= allowed).all(), (model, method, name)
            found["ours"] = max(found["ours"], distance({name: dense}, after))
    assert found["reference, before and after"] == 0.0, (model, found)

    for dtype, torch_dtype in DTYPES.items():
        narrow = saved.with_name(f"{saved.name}-{dtype}")
        convert(program, model, narrow, "--dtype", dtype)
        theirs = load(original(model, target), torch_dtype)
        ours_saved = SparseEncoder(str(narrow), device="cpu")
        for method in METHODS:
            before = vectors(theirs, method, some_texts)
            after = vectors(ours_saved, method, some_texts)
            assert (before is None) == (after is None), (model, method, dtype)
            if before is not None:
                key = f"reference, {dtype}"
                found[key] = max(found[key], distance(before, after))
    return found, n


def convert(program: str, model: Path, folder: Path, *arguments: str) -> None:
    subprocess.run([program, "convert", model, "-o", folder, "-q", *arguments], check=True)


def original(model: Path, target: Path) -> Path:
    """What the reference loads for a model: transformers has no `new`, but knows its weights as those of a `gte`."""
    if not model.name.startswith("new-"):
        return model
    native = target / f"{model.name}-native"
    gte.as_gte(model, native)
    return native


def load(folder: Path, dtype: torch.dtype) -> SparseEncoder:
    working_folder = WORKING_FOLDERS.get(folder.name)
    inside = contextlib.chdir(folder / working_folder) if working_folder is not None else contextlib.nullcontext()
    with inside:
        return SparseEncoder(str(folder), device="cpu", model_kwargs={"dtype": dtype})


def check_settings(before: SparseEncoder, after: SparseEncoder, model: Path) -> None:
    for name in ["prompts", "default_prompt_name", "similarity_fn_name", "max_active_dims"]:
        assert getattr(after, name) == getattr(before, name), (model, name)
    # MLMTransformer is the old name of a Transformer for this task.
    names = [[type(module).__name__.removeprefix("MLM") for module in encoder] for encoder in (before, after)]
    assert names[0] == names[1], (model, names)


def vectors(encoder: SparseEncoder, method: str, some_texts: dict[str, str]) -> dict[str, torch.Tensor] | None:
    """Of each text, one at a time; `None` where the model has no route for them."""
    try:
        return {
            name: getattr(encoder, method)([text]).to_dense()[0].float() for name, text in some_texts.items()
        }
    except ValueError as error:
        assert "oute" in str(error), error
        return None


def our_vectors(program: str, folder: Path, target: Path, arguments: list[str]) -> dict | None:
    command = [program, "encode", "-q", "-m", folder, "-i", target / "texts.jsonl", "-o", "-", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        assert "route" in ran.stderr, ran.stderr
        return None
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    return {row["id"]: row for row in rows}


def distance(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> float:
    return max((row - after[name]).abs().max().item() for name, row in before.items())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
