//! A table as a plain tensor.

use burn::tensor::TensorData;
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;

use super::groups::index;
use crate::layers::{unwrap, wrap};
use crate::{Matrix, SpladeBackend, TableOps};

/// A table as a plain tensor, in `f32`.
#[derive(Clone, Debug)]
pub struct TensorTable<B: Backend> {
    /// `[rows, width]`.
    pub(super) weights: FloatTensor<B>,
}

impl<B: SpladeBackend> TableOps<B> for TensorTable<B> {
    fn prepare(weights: Matrix<'_>, device: &B::Device) -> Self {
        let data = TensorData::new(weights.values.into_owned(), weights.shape);
        Self { weights: B::float_from_data(data, device) }
    }

    fn rows(&self, ids: &[u32], device: &B::Device) -> FloatTensor<B> {
        let ids = index(ids.iter().map(|&id| id as i32).collect(), device);
        unwrap(wrap::<B, 2>(self.weights.clone()).select(0, ids))
    }
}
