//! How token positions enter attention: tables that all layers share, and those of each layer.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorData};
use splade_kernels::Activation;

use super::config::{BackboneConfig, LayerConfig};
use super::positions::mpnet_buckets;
use crate::layers::{LayerNorm, Linear, tensor, unwrap};
use crate::weights::Weights;
use crate::{ModelError, RelativePositions, SpladeBackend};

/// The position tables that all layers share.
#[derive(Debug)]
pub(super) struct SharedPositions<B: Backend> {
    /// `[positions, head_dim]` each.
    rotary: Vec<Tensor<B, 2>>,
    /// `[heads, 2 * reach + 1]`.
    bias: Option<Tensor<B, 2>>,
    buckets: Option<Arc<[u32]>>,
}

/// The shared tables, borrowed for one pass.
pub(super) struct Positions<'a, B: Backend>(&'a SharedPositions<B>);

impl<B: SpladeBackend> SharedPositions<B> {
    pub(super) fn load(
        weights: &mut Weights,
        c: &BackboneConfig,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let head_dim = c.hidden_size / c.num_attention_heads;
        let rotary = c.rotary.iter().map(|rotary| {
            let table = rotary.table(c.max_positions, head_dim);
            tensor(table, [c.max_positions, head_dim], device)
        });
        let bias = match c.relative_bias_buckets {
            None => None,
            Some(rows) => {
                let n_heads = c.num_attention_heads;
                let table = weights.take("relative_attention_bias", &[rows, n_heads])?;
                let buckets = mpnet_buckets();
                let of_head = |head| buckets.iter().map(move |bucket| (*bucket, head));
                let entries = (0..n_heads).flat_map(of_head);
                let bias = entries.map(|(bucket, head)| table[bucket * n_heads + head]).collect();
                Some(tensor(bias, [n_heads, buckets.len()], device))
            }
        };
        let buckets = c.disentangled.as_ref().map(|d| d.buckets.rows(c.max_positions).into());
        Ok(Self { rotary: rotary.collect(), bias, buckets })
    }

    pub(super) fn borrow(&self) -> Positions<'_, B> {
        Positions(self)
    }
}

/// The embeddings of distances (DeBERTa), as the layers project them: `[buckets, hidden]`.
pub(super) fn load_rel_embeddings<B: SpladeBackend>(
    weights: &mut Weights,
    c: &BackboneConfig,
    device: &B::Device,
) -> Result<Option<Tensor<B, 2>>, ModelError> {
    let Some(disentangled) = &c.disentangled else { return Ok(None) };
    let shape = [2 * disentangled.buckets.span, c.hidden_size];
    let table = weights.take("rel_embeddings", &shape)?;
    let table = Tensor::from_data(TensorData::new(table, shape), device);
    if !disentangled.normed {
        return Ok(Some(table));
    }
    let (width, eps) = (c.hidden_size, c.layer_norm_eps);
    let norm = LayerNorm::load_with(weights, "rel_norm", width, eps, true, device)?;
    Ok(Some(norm.forward(table, None)))
}

/// The position tables of one layer.
#[derive(Debug)]
pub(super) struct LayerPositions<B: Backend> {
    /// Keys and queries of the distance buckets, `[buckets, hidden]`.
    key: Option<Tensor<B, 2>>,
    query: Option<Tensor<B, 2>>,
    rotary: Option<usize>,
}

impl<B: SpladeBackend> LayerPositions<B> {
    /// Projects the distance embeddings once, at load: they do not depend on the text.
    pub(super) fn load(
        weights: &mut Weights,
        c: &BackboneConfig,
        layer: &LayerConfig,
        qkv: &Linear<B>,
        rel_embeddings: Option<&Tensor<B, 2>>,
        device: &B::Device,
    ) -> Result<Self, ModelError> {
        let rotary = layer.rotary;
        let (Some(disentangled), Some(rel_embeddings)) = (&c.disentangled, rel_embeddings) else {
            return Ok(Self { key: None, query: None, rotary });
        };
        let hidden = c.hidden_size;
        let n_buckets = rel_embeddings.dims()[0];
        let mut project = |name: &str, part: usize| -> Result<_, ModelError> {
            let projected = if disentangled.share_att_key {
                let all = qkv.forward(rel_embeddings.clone(), Activation::Linear);
                all.slice([0..n_buckets, part * hidden..(part + 1) * hidden])
            } else {
                let path = format!("{}.{name}", layer.path);
                let linear = Linear::load_with(weights, &[&path], [hidden, hidden], true, device)?;
                linear.forward(rel_embeddings.clone(), Activation::Linear)
            };
            let values = projected.into_data().into_vec().expect("models are loaded in f32");
            Ok(tensor(values, [n_buckets, hidden], device))
        };
        let key = disentangled.content_to_position.then(|| project("pos_key", 1)).transpose()?;
        let query = disentangled.position_to_content.then(|| project("pos_query", 0));
        Ok(Self { key, query: query.transpose()?, rotary })
    }

    /// The rotary table, if the layer has one.
    pub(super) fn rotary(&self, positions: &Positions<'_, B>) -> Option<Tensor<B, 2>> {
        self.rotary.map(|table| positions.0.rotary[table].clone())
    }

    /// What positions add to the scores.
    pub(super) fn relative<'a>(
        &self,
        positions: &Positions<'a, B>,
    ) -> RelativePositions<'a, FloatTensor<B>> {
        let tensor = |table: &Tensor<B, 2>| unwrap(table.clone());
        match (&positions.0.bias, &positions.0.buckets) {
            (Some(bias), _) => RelativePositions::Bias(tensor(bias)),
            (None, Some(buckets)) => RelativePositions::Disentangled {
                key: self.key.as_ref().map(tensor),
                query: self.query.as_ref().map(tensor),
                buckets,
            },
            (None, None) => RelativePositions::None,
        }
    }
}
