//! A linear layer as plain tensors.

use burn::tensor::TensorData;
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use splade_kernels::Activation;

use super::activate;
use crate::layers::{unwrap, wrap};
use crate::{LinearOps, Matrix, SpladeBackend};

/// A linear layer as plain tensors, in `f32`.
#[derive(Debug)]
pub struct TensorLinear<B: Backend> {
    /// `[out, in]`.
    weight: FloatTensor<B>,
    /// `[out]`.
    bias: Option<FloatTensor<B>>,
}

impl<B: SpladeBackend> LinearOps<B> for TensorLinear<B> {
    fn prepare(weight: Matrix<'_>, bias: Option<Vec<f32>>, device: &B::Device) -> Self {
        let Matrix { values, shape, .. } = weight;
        let weight = B::float_from_data(TensorData::new(values.into_owned(), shape), device);
        let vector = |bias| B::float_from_data(TensorData::new(bias, [shape[0]]), device);
        Self { weight, bias: bias.map(vector) }
    }

    fn forward(&self, x: FloatTensor<B>, activation: Activation) -> FloatTensor<B> {
        let (x, weight) = (wrap::<B, 2>(x), wrap::<B, 2>(self.weight.clone()));
        let mut y = x.matmul(weight.transpose());
        if let Some(bias) = &self.bias {
            y = y + wrap::<B, 1>(bias.clone()).unsqueeze();
        }
        unwrap(activate(y, activation))
    }
}
