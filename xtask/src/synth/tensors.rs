//! The weights of each architecture, with the names in real checkpoints.

use super::architecture::{Architecture, Family};

/// The kind of a weight, which determines how it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Matrix,
    NormWeight,
    Bias,
    /// The bias of the vocabulary's words: the same value for all.
    WordBias,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) role: Role,
}

/// Every weight of the architecture. The decoder is tied to the word embeddings, so it has none.
pub(super) fn list(architecture: &Architecture) -> Vec<Tensor> {
    let mut list = List(Vec::new());
    match architecture.family {
        Family::Bert => list.bert(architecture),
        Family::DistilBert => list.distilbert(architecture),
        Family::ModernBert => list.modernbert(architecture),
    }
    list.0
}

pub(super) fn count_parameters(tensors: &[Tensor]) -> usize {
    tensors.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum()
}

struct List(Vec<Tensor>);

impl List {
    fn push(&mut self, name: String, shape: &[usize], role: Role) {
        self.0.push(Tensor { name, shape: shape.to_vec(), role });
    }

    fn matrix(&mut self, name: &str, rows: usize, columns: usize) {
        self.push(format!("{name}.weight"), &[rows, columns], Role::Matrix);
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.matrix(name, outputs, inputs);
        self.push(format!("{name}.bias"), &[outputs], Role::Bias);
    }

    fn norm(&mut self, name: &str, size: usize) {
        self.push(format!("{name}.weight"), &[size], Role::NormWeight);
        self.push(format!("{name}.bias"), &[size], Role::Bias);
    }

    fn norm_without_bias(&mut self, name: &str, size: usize) {
        self.push(format!("{name}.weight"), &[size], Role::NormWeight);
    }

    fn bert(&mut self, architecture: &Architecture) {
        let &Architecture { hidden_size: hidden, intermediate_size, vocab_size, .. } = architecture;
        self.matrix("bert.embeddings.word_embeddings", vocab_size, hidden);
        self.matrix("bert.embeddings.position_embeddings", architecture.positions, hidden);
        self.matrix("bert.embeddings.token_type_embeddings", 2, hidden);
        self.norm("bert.embeddings.LayerNorm", hidden);
        for layer in 0..architecture.n_layers {
            let layer = format!("bert.encoder.layer.{layer}");
            for part in ["self.query", "self.key", "self.value", "output.dense"] {
                self.linear(&format!("{layer}.attention.{part}"), hidden, hidden);
            }
            self.norm(&format!("{layer}.attention.output.LayerNorm"), hidden);
            self.linear(&format!("{layer}.intermediate.dense"), intermediate_size, hidden);
            self.linear(&format!("{layer}.output.dense"), hidden, intermediate_size);
            self.norm(&format!("{layer}.output.LayerNorm"), hidden);
        }
        self.linear("cls.predictions.transform.dense", hidden, hidden);
        self.norm("cls.predictions.transform.LayerNorm", hidden);
        self.push("cls.predictions.bias".into(), &[vocab_size], Role::WordBias);
    }

    fn distilbert(&mut self, architecture: &Architecture) {
        let &Architecture { hidden_size: hidden, intermediate_size, vocab_size, .. } = architecture;
        self.matrix("distilbert.embeddings.word_embeddings", vocab_size, hidden);
        self.matrix("distilbert.embeddings.position_embeddings", architecture.positions, hidden);
        self.norm("distilbert.embeddings.LayerNorm", hidden);
        for layer in 0..architecture.n_layers {
            let layer = format!("distilbert.transformer.layer.{layer}");
            for part in ["q_lin", "k_lin", "v_lin", "out_lin"] {
                self.linear(&format!("{layer}.attention.{part}"), hidden, hidden);
            }
            self.norm(&format!("{layer}.sa_layer_norm"), hidden);
            self.linear(&format!("{layer}.ffn.lin1"), intermediate_size, hidden);
            self.linear(&format!("{layer}.ffn.lin2"), hidden, intermediate_size);
            self.norm(&format!("{layer}.output_layer_norm"), hidden);
        }
        self.linear("vocab_transform", hidden, hidden);
        self.norm("vocab_layer_norm", hidden);
        self.push("vocab_projector.bias".into(), &[vocab_size], Role::WordBias);
    }

    fn modernbert(&mut self, architecture: &Architecture) {
        let &Architecture { hidden_size: hidden, intermediate_size, vocab_size, .. } = architecture;
        self.matrix("model.embeddings.tok_embeddings", vocab_size, hidden);
        self.norm_without_bias("model.embeddings.norm", hidden);
        for layer in 0..architecture.n_layers {
            let name = format!("model.layers.{layer}");
            if layer > 0 {
                // The first layer's input is already normalised.
                self.norm_without_bias(&format!("{name}.attn_norm"), hidden);
            }
            self.matrix(&format!("{name}.attn.Wqkv"), 3 * hidden, hidden);
            self.matrix(&format!("{name}.attn.Wo"), hidden, hidden);
            self.norm_without_bias(&format!("{name}.mlp_norm"), hidden);
            self.matrix(&format!("{name}.mlp.Wi"), 2 * intermediate_size, hidden);
            self.matrix(&format!("{name}.mlp.Wo"), hidden, intermediate_size);
        }
        self.norm_without_bias("model.final_norm", hidden);
        self.matrix("head.dense", hidden, hidden);
        self.norm_without_bias("head.norm", hidden);
        self.push("decoder.bias".into(), &[vocab_size], Role::WordBias);
    }
}

#[cfg(test)]
mod tests {
    use super::super::architecture::parse;
    use super::*;

    #[test]
    fn the_checkpoints_have_as_many_parameters_as_the_published_ones() {
        // The value of `sum(p.numel() for p in model.parameters())` in transformers.
        for (name, expected) in [
            ("bert-tiny", 4_416_698),
            ("bert-mini", 11_201_594),
            ("bert-small", 28_795_194),
            ("bert-medium", 41_404_730),
            ("minilm-l6", 22_744_506),
            ("distilbert", 66_985_530),
            ("bert-base", 109_514_298),
            ("bert-large", 335_174_458),
            ("modernbert-base", 149_655_232),
        ] {
            let architecture = parse(name).unwrap();
            assert_eq!(count_parameters(&list(&architecture)), expected, "{name}");
        }
    }

    #[test]
    fn no_name_stands_twice_and_one_weight_is_the_words_bias() {
        for name in ["bert-tiny", "distilbert", "modernbert-base"] {
            let tensors = list(&parse(name).unwrap());
            let mut names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), tensors.len());
            assert_eq!(tensors.iter().filter(|t| t.role == Role::WordBias).count(), 1);
        }
    }
}
