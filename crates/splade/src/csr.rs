//! CSR models: an encoder without masked-LM head, pooled to a vector for each text, and a sparse
//! auto-encoder over it.

use std::num::NonZeroUsize;
use std::path::Path;

use splade_model::{Dense, Isa, Normalize, Offsets, SentencePooling, SparseAutoEncoder};
use splade_tokenizer::TokenBatch;

use crate::SpladeError;
use crate::layout::{ModuleKind, ModuleSpec};

/// The modules after the encoder.
pub(crate) struct Csr {
    pooling: SentencePooling,
    steps: Vec<Step>,
    sae: SparseAutoEncoder,
}

/// A module from vector to vector.
enum Step {
    Dense(Box<Dense>),
    Normalize(Normalize),
}

impl Csr {
    /// Loads the modules after an encoder of width `hidden_size`: a pooling, any number of dense
    /// layers and normalisations, and a sparse auto-encoder.
    ///
    /// # Errors
    /// Another order; broken files; widths that do not match.
    pub(crate) fn load(
        folder: &Path,
        modules: &[ModuleSpec],
        hidden_size: usize,
        isa: Isa,
    ) -> Result<Self, SpladeError> {
        let [pooling, steps @ .., sae] = modules else { return Err(order(folder, modules)) };
        if (pooling.kind, sae.kind) != (ModuleKind::Pooling, ModuleKind::SparseAutoEncoder) {
            return Err(order(folder, modules));
        }
        let pooling_module = SentencePooling::load(&pooling.folder)?;
        let mut width = hidden_size;
        fits(&pooling.folder, width, pooling_module.in_features())?;
        width = pooling_module.out_features();
        let mut loaded = Vec::new();
        for step in steps {
            loaded.push(match step.kind {
                ModuleKind::Dense => {
                    let dense = Dense::load(&step.folder, isa)?;
                    fits(&step.folder, width, dense.in_features())?;
                    width = dense.out_features();
                    Step::Dense(Box::new(dense))
                }
                ModuleKind::Normalize => Step::Normalize(Normalize::load(&step.folder)?),
                _ => return Err(order(folder, modules)),
            });
        }
        let sae_module = SparseAutoEncoder::load(&sae.folder, isa)?;
        fits(&sae.folder, width, sae_module.in_features())?;
        Ok(Self { pooling: pooling_module, steps: loaded, sae: sae_module })
    }

    /// The dimension of a vector.
    pub(crate) fn dimension(&self) -> usize {
        self.sae.out_features()
    }

    /// Each module in a few words.
    pub(crate) fn summaries(&self) -> Vec<String> {
        let modes: Vec<String> = self.pooling.modes().iter().map(|m| format!("{m:?}")).collect();
        let pooling = format!("{} of the token states", modes.join(" and ").to_lowercase());
        let steps = self.steps.iter().map(|step| match step {
            Step::Dense(dense) => format!("{} to {}", dense.in_features(), dense.out_features()),
            Step::Normalize(_) => "to length 1".to_owned(),
        });
        let sae = format!(
            "{} to {}, the {} largest kept",
            self.sae.in_features(),
            self.sae.out_features(),
            self.sae.k()
        );
        [pooling].into_iter().chain(steps).chain([sae]).collect()
    }

    /// Whether pooling leaves out the tokens of a prompt.
    pub(crate) fn counts_prompts(&self) -> bool {
        self.pooling.leaves_prompts_out()
    }

    /// Maps the hidden states of a batch's tokens to `[texts, dimension]`. The first
    /// `prompt_length(text)` tokens of each text belong to its prompt.
    ///
    /// Keeps `k(text)` latents of each text; `None` means the checkpoint's number.
    ///
    /// # Errors
    /// A `k` above the dimension.
    pub(crate) fn forward(
        &self,
        hidden_states: &[f32],
        batch: &TokenBatch,
        prompt_length: impl Fn(usize) -> usize,
        k: impl Fn(usize) -> Option<NonZeroUsize>,
    ) -> Result<Vec<f32>, SpladeError> {
        let mut vectors =
            self.pooling.pool(hidden_states, Offsets::new(&batch.offsets), prompt_length);
        let mut width = self.pooling.out_features();
        for step in &self.steps {
            match step {
                Step::Dense(dense) => {
                    vectors = dense.forward(&vectors);
                    width = dense.out_features();
                }
                Step::Normalize(normalize) => normalize.forward(&mut vectors, width),
            }
        }
        Ok(self.sae.forward(&vectors, k)?)
    }
}

fn order(folder: &Path, modules: &[ModuleSpec]) -> SpladeError {
    let kinds: Vec<ModuleKind> = modules.iter().map(|module| module.kind).collect();
    let what = format!("the sequence of modules {kinds:?} after a Transformer");
    SpladeError::ModuleOrder { path: folder.to_owned(), what }
}

fn fits(folder: &Path, found: usize, expected: usize) -> Result<(), SpladeError> {
    if found != expected {
        let path = folder.to_owned();
        return Err(SpladeError::ModuleWidth { path, found, expected });
    }
    Ok(())
}
