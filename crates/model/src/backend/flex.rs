//! burn-flex on our kernels.

use std::borrow::Cow;

use burn::tensor::{DType, TensorData, TensorMetadata};
use burn_flex::{Flex, FlexTensor};

use super::host::{HostTensor, run_on_kernels};

run_on_kernels!(Flex);

impl HostTensor for FlexTensor {
    fn dims(&self) -> Vec<usize> {
        self.shape().to_vec()
    }

    fn values(&self) -> Cow<'_, [f32]> {
        assert_eq!(self.dtype(), DType::F32, "models are f32");
        match self.as_slice::<f32>() {
            Some(values) => Cow::Borrowed(values),
            None => {
                let contiguous = self.to_contiguous();
                let values = contiguous.as_slice::<f32>();
                Cow::Owned(values.expect("it was just made contiguous").to_vec())
            }
        }
    }

    fn from_values(values: Vec<f32>, shape: [usize; 2]) -> Self {
        Self::from_data(TensorData::new(values, shape))
    }
}
