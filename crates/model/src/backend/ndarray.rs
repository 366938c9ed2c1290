//! burn-ndarray on our kernels.

use std::borrow::Cow;

use burn::tensor::{TensorData, TensorMetadata};
use burn_ndarray::{NdArray, NdArrayTensor};

use super::host::{HostTensor, run_on_kernels};

run_on_kernels!(NdArray);

impl HostTensor for NdArrayTensor {
    fn dims(&self) -> Vec<usize> {
        self.shape().to_vec()
    }

    fn values(&self) -> Cow<'_, [f32]> {
        let Self::F32(storage) = self else {
            panic!("a tensor of {:?}, where models are f32", self.dtype());
        };
        let view = storage.view();
        match view.to_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(view.iter().copied().collect()),
        }
    }

    fn from_values(values: Vec<f32>, shape: [usize; 2]) -> Self {
        Self::from_data(TensorData::new(values, shape))
    }
}
