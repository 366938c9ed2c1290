//! The head of a GPU backend holds texts x vocabulary, not tokens x vocabulary.

use burn::tensor::{Tensor, TensorData};
use splade_model::{DecoderOps, Offsets, Pooling, Precision};

use crate::backends::wgpu_is_there;
use crate::samples::noise;
use crate::suite::head;

/// With its default float type.
type Wgpu = splade_model::Wgpu;

const HIDDEN: usize = 8;
const VOCAB: usize = 30_522;

/// Bytes that the device holds after the head ran over `tokens` tokens.
fn reserved(tokens: usize) -> u64 {
    let tensor = |values: Vec<f32>, shape: [usize; 2]| {
        let data = TensorData::new(values, shape);
        Tensor::<Wgpu, 2>::from_data(data, &Default::default()).into_primitive().tensor()
    };
    let hidden_states = tensor(noise(tokens * HIDDEN, 1), [tokens, HIDDEN]);
    let client = hidden_states.client.clone();
    let decoder = head::<Wgpu>(&noise(VOCAB * HIDDEN, 2), &[0.0; VOCAB], Precision::F32);
    let texts = 4;
    let offsets: Vec<u32> = (0..=texts).map(|text| text * tokens as u32 / texts).collect();
    let pooled = DecoderOps::<Wgpu>::pool(
        &decoder,
        hidden_states,
        Offsets::new(&offsets),
        Pooling::default(),
    );
    let pooled = Tensor::<Wgpu, 2>::from_primitive(burn::tensor::TensorPrimitive::Float(pooled));
    assert_eq!(pooled.dims(), [4, VOCAB]);
    assert!(pooled.into_data().as_slice::<f32>().unwrap().iter().all(|weight| weight.is_finite()));
    client.memory_usage().unwrap().bytes_reserved
}

#[test]
fn memory_does_not_grow_with_tokens_times_vocabulary() {
    if !wgpu_is_there() {
        return;
    }
    let (short, long) = (reserved(400), reserved(4000));
    // The logits of 3,600 more tokens would take 440 MB.
    assert!(long < short + (100 << 20), "{short} and {long} bytes");
}
