//! A fully connected layer over the rows of texts.

use std::path::Path;

use serde::Deserialize;
use splade_kernels::{Activation, Arithmetic, Finish, Isa, LinearShape, PackedLinear, Precision};

use super::{check_feature_names, check_size, open_weights, read_config};
use crate::ModelError;
use crate::names::NameTable;

pub(crate) const NAMES: NameTable = NameTable {
    prefixes: &[],
    head: &[],
    names: &[("linear.*", "linear.*"), ("residual.weight", "residual.weight")],
    ignored: &[],
};

/// The supported classes of `torch.nn`, with their functions.
const ACTIVATIONS: [(&str, Activation); 6] = [
    ("Tanh", Activation::Tanh),
    ("Identity", Activation::Linear),
    ("ReLU", Activation::Relu),
    ("GELU", Activation::Gelu),
    ("SiLU", Activation::Silu),
    ("Sigmoid", Activation::Sigmoid),
];

/// `activation(x · weightᵀ + bias)`. With `use_residual`, x is added, or `x · residualᵀ` if the
/// widths differ.
///
/// # Source
/// `Dense` of sentence-transformers 6.2.0, `base/modules/dense.py`.
#[derive(Clone, Debug)]
pub struct Dense {
    linear: PackedLinear,
    activation: Activation,
    residual: Residual,
}

/// What is added to the layer's output.
#[derive(Clone, Debug)]
enum Residual {
    Nothing,
    Input,
    Projection(PackedLinear),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    in_features: usize,
    out_features: usize,
    #[serde(default = "yes")]
    bias: bool,
    #[serde(default = "tanh")]
    activation_function: String,
    module_input_name: Option<String>,
    module_output_name: Option<String>,
    #[serde(default)]
    use_residual: bool,
}

fn yes() -> bool {
    true
}

fn tanh() -> String {
    "torch.nn.modules.activation.Tanh".to_owned()
}

impl Dense {
    /// Reads `config.json` and the weights of a module's folder. Products use `isa` at most.
    ///
    /// # Errors
    /// A file that cannot be read; an activation, field or feature that is not supported; a weight
    /// that is missing, unused, not finite, or of the wrong shape.
    pub fn load(folder: &Path, isa: Isa) -> Result<Self, ModelError> {
        let arithmetic = Arithmetic { precision: Precision::F32, isa };
        let path = folder.join("config.json");
        let config: Config = read_config(&path, "Dense")?;
        let Config { in_features, out_features, .. } = config;
        check_size(&path, "in_features", in_features, 1)?;
        check_size(&path, "out_features", out_features, 1)?;
        check_feature_names(&path, config.module_input_name, config.module_output_name)?;
        let activation = activation(&path, config.activation_function)?;

        let mut weights = open_weights(folder, &NAMES)?;
        let out_in = [out_features, in_features];
        let shape = LinearShape { in_features, out_features };
        let weight = weights.take("linear.weight", &out_in)?;
        let bias = match config.bias {
            true => Some(weights.take("linear.bias", &[out_features])?),
            false => None,
        };
        let residual = match config.use_residual {
            false => Residual::Nothing,
            true if in_features == out_features => Residual::Input,
            true => {
                let weight = weights.take("residual.weight", &out_in)?;
                Residual::Projection(PackedLinear::new(&weight, None, shape, arithmetic))
            }
        };
        weights.finish()?;
        let linear = PackedLinear::new(&weight, bias.as_deref(), shape, arithmetic);
        Ok(Self { linear, activation, residual })
    }

    /// Width of the input rows.
    pub fn in_features(&self) -> usize {
        self.linear.shape().in_features
    }

    /// Width of the output rows.
    pub fn out_features(&self) -> usize {
        self.linear.shape().out_features
    }

    /// # Shapes
    /// `x` `[texts, in_features]`; returns `[texts, out_features]`.
    ///
    /// # Panics
    /// If `x` is not whole rows.
    pub fn forward(&self, x: &[f32]) -> Vec<f32> {
        let mut y = self.linear.forward(x, Finish::Activate(self.activation));
        match &self.residual {
            Residual::Nothing => {}
            Residual::Input => add(&mut y, x),
            Residual::Projection(projection) => {
                add(&mut y, &projection.forward(x, Finish::Activate(Activation::Linear)));
            }
        }
        y
    }
}

fn add(y: &mut [f32], x: &[f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
}

/// The function of a class name such as `torch.nn.modules.activation.Tanh`, as
/// sentence-transformers writes it.
fn activation(path: &Path, class: String) -> Result<Activation, ModelError> {
    let name = match class.rsplit_once('.') {
        Some(("torch.nn" | "torch.nn.modules.activation" | "torch.nn.modules.linear", name)) => {
            name
        }
        _ => "",
    };
    let found = ACTIVATIONS.iter().find(|(known, _)| *known == name);
    found.map(|&(_, activation)| activation).ok_or_else(|| ModelError::ModuleConfigValue {
        path: path.to_owned(),
        field: "activation_function",
        found: class,
        expected: format!("a class of torch.nn: {}", ACTIVATIONS.map(|(name, _)| name).join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::{reference, samples};

    proptest! {
        #[test]
        fn forward_matches_its_formula(
            texts in 0usize..9, in_features in 1usize..=40, width in 1usize..=40,
            activation in select(ACTIVATIONS.map(|(_, activation)| activation).to_vec()),
            with_bias in any::<bool>(), residual in 0..3, seed in any::<u64>(),
        ) {
            let out_features = if residual == 1 { in_features } else { width };
            let shape = LinearShape { in_features, out_features };
            let x = samples::noise(texts * in_features, seed);
            let weight = samples::noise(out_features * in_features, seed ^ 1);
            let bias = with_bias.then(|| samples::noise(out_features, seed ^ 2));
            let projection = samples::noise(out_features * in_features, seed ^ 3);

            let mut exact = reference::linear(&x, &weight, bias.as_deref(), activation, shape);
            let added: Vec<f64> = match residual {
                0 => vec![0.0; exact.len()],
                1 => x.iter().map(|&x| f64::from(x)).collect(),
                _ => reference::linear(&x, &projection, None, Activation::Linear, shape),
            };
            exact.iter_mut().zip(&added).for_each(|(y, x)| *y += x);

            let residual = match residual {
                0 => Residual::Nothing,
                1 => Residual::Input,
                _ => {
                    let projection = PackedLinear::new(&projection, None, shape, Precision::F32);
                    Residual::Projection(projection)
                }
            };
            let linear = PackedLinear::new(&weight, bias.as_deref(), shape, Precision::F32);
            let found = Dense { linear, activation, residual }.forward(&x);
            prop_assert_eq!(found.len(), exact.len());
            for (&found, exact) in found.iter().zip(&exact) {
                prop_assert!((f64::from(found) - exact).abs() < 2e-5, "{found}, exact {exact}");
            }
        }
    }

    #[test]
    fn classes_of_torch_are_known_by_both_of_their_names() {
        for (class, expected) in [
            ("torch.nn.modules.activation.Tanh", Activation::Tanh),
            ("torch.nn.modules.linear.Identity", Activation::Linear),
            ("torch.nn.GELU", Activation::Gelu),
        ] {
            assert_eq!(activation(Path::new(""), class.to_owned()).unwrap(), expected, "{class}");
        }
    }

    #[test]
    fn other_classes_are_refused_by_name() {
        for class in ["torch.nn.modules.activation.ELU", "my.Tanh", "Tanh", "torch.tanh", ""] {
            let error = activation(Path::new("2_Dense/config.json"), class.to_owned()).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(&format!("`{class}`")) && text.contains("Tanh"), "{text}");
        }
    }
}
