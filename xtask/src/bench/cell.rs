//! The matrix: every model on every device, in every precision, batch and length.

use std::path::{Path, PathBuf};

use super::texts::Texts;

/// One cell of the matrix: what a worker is started with.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) model: PathBuf,
    pub(super) texts: Texts,
    pub(super) device: String,
    pub(super) precision: String,
    pub(super) batch: usize,
}

/// The sides of the matrix.
pub(super) struct Sides<'a> {
    pub(super) models: &'a [PathBuf],
    pub(super) texts: &'a [Texts],
    pub(super) devices: &'a [String],
    pub(super) precisions: &'a [String],
    pub(super) batches: &'a [usize],
}

impl Cell {
    /// The name of the model's folder.
    pub(super) fn model_name(&self) -> String {
        name(&self.model)
    }

    /// What the cell has in common with those it is compared with.
    pub(super) fn title(&self) -> String {
        format!("{}, texts of {} words", self.model_name(), self.texts.words)
    }
}

/// All cells, grouped by model.
pub(super) fn plan(sides: &Sides<'_>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for model in sides.models {
        for texts in sides.texts {
            for precision in sides.precisions {
                for device in sides.devices {
                    for &batch in sides.batches {
                        cells.push(Cell {
                            model: model.clone(),
                            texts: texts.clone(),
                            device: device.clone(),
                            precision: precision.clone(),
                            batch,
                        });
                    }
                }
            }
        }
    }
    cells
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn cell(model: &str) -> Cell {
        let texts = Texts { path: "texts.jsonl".into(), words: 64 };
        let model = Path::new("models").join(model);
        Cell { model, texts, device: "cpu".into(), precision: "f32".into(), batch: 0 }
    }

    #[test]
    fn every_combination_is_a_cell_and_a_models_stand_together() {
        let models = ["a".into(), "b".into()];
        let texts = [cell("a").texts];
        let (devices, precisions) = (["ndarray".into(), "flex".into()], ["f32".into()]);
        let sides = Sides {
            models: &models,
            texts: &texts,
            devices: &devices,
            precisions: &precisions,
            batches: &[0, 8],
        };
        let cells = plan(&sides);
        let names: Vec<String> = cells.iter().map(Cell::model_name).collect();
        assert_eq!(names.concat(), "aaaabbbb");
        assert_eq!((cells[0].device.as_str(), cells[0].batch), ("ndarray", 0));
        assert_eq!((cells[3].device.as_str(), cells[3].batch), ("flex", 8));
    }
}
