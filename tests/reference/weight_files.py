"""Layouts of one plain masked LM whose weights lie in other files than model.safetensors."""

import pickle
import struct
from pathlib import Path

import torch
from transformers import BertForMaskedLM

import small_bert
from layout import Layout

SEED = 501


def all_layouts() -> list[Layout]:
    return [
        Layout("plain", plain),
        Layout("plain-sharded", sharded, same_rows_as="plain"),
        Layout("plain-bin", zipped, same_rows_as="plain"),
        Layout("plain-bin-legacy", legacy, same_rows_as="plain"),
        Layout("plain-bin-sharded", zipped_shards, same_rows_as="plain"),
    ]


def model() -> BertForMaskedLM:
    return small_bert.masked_lm(SEED)


def plain(folder: Path) -> None:
    model().save_pretrained(folder)
    small_bert.tokenizer().save_pretrained(folder)


def sharded(folder: Path) -> None:
    model().save_pretrained(folder, max_shard_size="10KB")
    small_bert.tokenizer().save_pretrained(folder)
    assert (folder / "model.safetensors.index.json").exists() and not (folder / "model.safetensors").exists()


def zipped(folder: Path) -> None:
    state = without_weights(folder)
    # A tensor need not be stored in the order of its indices.
    name = "bert.embeddings.position_embeddings.weight"
    state[name] = state[name].t().contiguous().t()
    torch.save(state, folder / "pytorch_model.bin")


def legacy(folder: Path) -> None:
    save_legacy(without_weights(folder), folder / "pytorch_model.bin")


def zipped_shards(folder: Path) -> None:
    state = without_weights(folder)
    names = {name: index for index, name in enumerate(state)}
    files = {name: f"pytorch_model-{1 + index % 2:05}-of-00002.bin" for name, index in names.items()}
    for file in sorted(set(files.values())):
        torch.save({name: tensor for name, tensor in state.items() if files[name] == file}, folder / file)
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    small_bert.write_json(
        folder / "pytorch_model.bin.index.json", {"metadata": {"total_size": size}, "weight_map": files}
    )


def without_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Writes the rest of the checkpoint. The tied decoder is in the state dict too, as in every `.bin`."""
    plain(folder)
    (folder / "model.safetensors").unlink()
    state = model().state_dict()
    words = state["bert.embeddings.word_embeddings.weight"]
    assert state["cls.predictions.decoder.weight"].data_ptr() == words.data_ptr()
    return state


def save_legacy(state: dict[str, torch.Tensor], path: Path) -> None:
    """`torch.save(state, path, _use_new_zipfile_serialization=False)`, byte by byte but for one thing:
    that names storages by their address in memory, and here they are numbered."""
    storages = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: object) -> tuple | None:
            if not isinstance(value, torch.storage.TypedStorage):
                return None
            number, _ = storages.setdefault(value._cdata, (94_000_000_000_000 + 64 * len(storages), value))
            return ("storage", getattr(torch, value._pickle_storage_type()), str(number), "cpu", value._size(), None)

    sizes = {"short": 2, "int": 4, "long": 4}
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}
    with path.open("wb") as file:
        for header in (torch.serialization.MAGIC_NUMBER, torch.serialization.PROTOCOL_VERSION, system):
            pickle.dump(header, file, protocol=2)
        Pickler(file, protocol=2).dump(state)
        pickle.dump([str(number) for number, _ in storages.values()], file, protocol=2)
        for _, storage in storages.values():
            file.write(struct.pack("<q", storage._size()))
            file.write(torch.tensor([], dtype=storage.dtype).set_(storage).numpy().tobytes())
