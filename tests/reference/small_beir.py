"""Makes a small collection in BEIR's form, and asks sentence-transformers' evaluator about it.

    pip install -r requirements.txt
    python small_beir.py

Writes ../fixtures/beir (documents, queries, judgements: made up here) and golden/evaluate.json. The
collection has titles and documents without one, grades of 0 to 2, a query whose only judgement is 0 (it
does not count), a query that is not judged, and two documents with the same text.
"""

import json
from pathlib import Path

from evaluate import measure

HERE = Path(__file__).parent
FOLDER = HERE.parent / "fixtures" / "beir"
MODEL = HERE.parent / "fixtures" / "splade-tiny"
MAX_ACTIVE_DIMS = [4, 16]

TOPICS = {
    "volcano": ("Volcanoes", "Magma rises through the crust until it breaks out as lava and ash."),
    "glacier": ("Glaciers", "A river of ice moves slowly down the valley and grinds the rock below."),
    "bee": ("Honey bees", "Workers collect nectar and dance to tell the hive where flowers are."),
    "bridge": ("Suspension bridges", "Steel cables carry the deck and pass its weight to two towers."),
    "violin": ("The violin", "A bow of horsehair is drawn over four strings tuned in fifths."),
    "vaccine": ("Vaccines", "The immune system learns a harmless part of a virus and remembers it."),
    "moon": ("The moon", "Its gravity raises the tides of the ocean twice a day."),
    "bread": ("", "Yeast turns sugar into gas, and the dough rises before it is baked."),
    "chess": ("", "Both players begin with sixteen pieces and try to trap the king."),
    "river": ("Floods", "After days of heavy rain the river left its bed and flooded the town."),
}
MORE = {
    "volcano": "The eruption covered the villages around the mountain with ash.",
    "glacier": "Warm summers have made the glaciers of the Alps retreat by kilometres.",
    "bee": "Without bees many fruit trees would not be pollinated.",
    "bridge": "Engineers tested the bridge in a wind tunnel before it was built.",
    "violin": "The orchestra's first violinist practises six hours a day.",
    "vaccine": "A new vaccine protects children against measles.",
    "moon": "Astronauts brought rocks from the moon back to Earth.",
    "bread": "The baker sells fresh bread every morning at five.",
    "chess": "The grandmaster lost the game after a mistake in the opening.",
    "river": "A dam was built to protect the valley from floods.",
}
QUERIES = {
    "q1": ("why do volcanoes erupt", {"volcano-1": 2, "volcano-2": 1}),
    "q2": ("melting ice in the mountains", {"glacier-1": 1, "glacier-2": 2, "volcano-2": 0}),
    "q3": ("insects that make honey", {"bee-1": 2, "bee-2": 1}),
    "q4": ("how are long bridges held up", {"bridge-1": 2, "bridge-2": 0}),
    "q5": ("string instruments in an orchestra", {"violin-1": 1, "violin-2": 1}),
    "q6": ("protection against infection", {"vaccine-1": 1, "vaccine-2": 2, "river-2": 0}),
    "q7": ("what causes high and low tide", {"moon-1": 2}),
    "q8": ("baking a loaf", {"bread-1": 1, "bread-2": 1, "bread-3": 1}),
    "q9": ("board game strategy", {"chess-1": 1, "chess-2": 1}),
    "q10": ("town under water after rain", {"river-1": 2, "river-2": 1}),
    "q11": ("space travel", {"moon-1": 0}),
    "q12": ("nobody has judged this", {}),
}


def write_lines(name: str, records: list[dict]) -> None:
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (FOLDER / name).write_text("".join(lines), encoding="utf-8")


def main() -> None:
    (FOLDER / "qrels").mkdir(parents=True, exist_ok=True)
    corpus = [{"_id": f"{id}-1", "title": title, "text": text} for id, (title, text) in TOPICS.items()]
    corpus += [{"_id": f"{id}-2", "title": "", "text": text} for id, text in MORE.items()]
    corpus.append({"_id": "bread-3", "title": "", "text": MORE["bread"]})
    write_lines("corpus.jsonl", corpus)
    write_lines("queries.jsonl", [{"_id": id, "text": text} for id, (text, _) in QUERIES.items()])
    rows = [f"{id}\t{doc}\t{grade}" for id, (_, grades) in QUERIES.items() for doc, grade in grades.items()]
    qrels = "\n".join(["query-id\tcorpus-id\tscore", *rows, ""])
    (FOLDER / "qrels" / "test.tsv").write_text(qrels, encoding="utf-8")
    golden = measure(str(MODEL), FOLDER, "test", MAX_ACTIVE_DIMS)
    golden = json.dumps(golden, indent=1) + "\n"
    (HERE / "golden" / "evaluate.json").write_text(golden, encoding="utf-8")


if __name__ == "__main__":
    main()
