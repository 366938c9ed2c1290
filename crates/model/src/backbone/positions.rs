//! Position tables: rotary angles and distance buckets. Order and precision of the arithmetic are
//! those of the reference, since a bucket can depend on the last digit.

/// Rotary position embedding: how fast each pair of a head's entries rotates.
#[derive(Clone, Debug)]
pub(crate) struct Rotary {
    pub(crate) theta: f64,
    /// Divides every frequency; 1 if positions are not scaled.
    pub(crate) divisor: f64,
}

impl Rotary {
    /// The cosines, then the sines, of each position: `[positions, head_dim]`.
    ///
    /// # Source
    /// transformers 5.24, `compute_default_rope_parameters`,
    /// `_compute_linear_scaling_rope_parameters`.
    pub(crate) fn table(&self, positions: usize, head_dim: usize) -> Vec<f32> {
        let divisor = self.divisor as f32;
        let frequencies: Vec<f32> = (0..head_dim)
            .step_by(2)
            .map(|i| {
                let exponent = i as f32 / head_dim as f32;
                1.0 / self.theta.powf(f64::from(exponent)) as f32 / divisor
            })
            .collect();
        let mut table = Vec::with_capacity(positions * head_dim);
        for position in 0..positions {
            let angles = frequencies.iter().map(|frequency| position as f32 * frequency);
            table.extend(angles.clone().map(|angle| f64::from(angle).cos() as f32));
            table.extend(angles.map(|angle| f64::from(angle).sin() as f32));
        }
        table
    }
}

/// MPNet's number of distance buckets, and the distance from which on all share the last bucket.
const MPNET_BUCKETS: usize = 32;
pub(crate) const MPNET_MAX_DISTANCE: usize = 128;

/// The bucket of each distance key - query, from `-MPNET_MAX_DISTANCE` to `MPNET_MAX_DISTANCE`.
///
/// # Source
/// transformers 5.24, `MPNetEncoder.relative_position_bucket`, which calls it with 32 buckets
/// whatever the configuration says.
pub(crate) fn mpnet_buckets() -> Vec<usize> {
    let (half, exact) = (MPNET_BUCKETS / 2, MPNET_BUCKETS / 4);
    let reach = MPNET_MAX_DISTANCE as i64;
    let bucket = |distance: i64| {
        let n = distance.unsigned_abs() as usize;
        let of_size = if n < exact {
            n
        } else {
            let steps = (n as f32 / exact as f32).ln()
                / (MPNET_MAX_DISTANCE as f64 / exact as f64).ln() as f32
                * (half - exact) as f32;
            (exact + steps as usize).min(half - 1)
        };
        of_size + if distance > 0 { half } else { 0 }
    };
    (-reach..=reach).map(bucket).collect()
}

/// DeBERTa's distance buckets.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    /// `position_buckets` if positive, else `max_relative_positions`: half the number of distance
    /// embeddings.
    pub(crate) span: usize,
    /// The distance beyond which all share the last bucket; `None` if every distance has its own.
    pub(crate) max_relative_positions: Option<usize>,
}

impl Buckets {
    /// The row of the distance embeddings for each distance query - key, from `1 - positions` to
    /// `positions - 1`.
    ///
    /// # Source
    /// transformers 5.24, `models/deberta_v2`: `make_log_bucket_position` and the clamps of
    /// `disentangled_attention_bias`. `c2p` and `p2c` use the same row, since buckets are odd
    /// functions of the distance.
    pub(crate) fn rows(&self, positions: usize) -> Vec<u32> {
        let reach = positions as i64 - 1;
        let span = self.span as i64;
        let row = |distance: i64| {
            self.bucket(distance).saturating_add(span).clamp(0, 2 * span - 1) as u32
        };
        (-reach..=reach).map(row).collect()
    }

    fn bucket(&self, distance: i64) -> i64 {
        let Some(max_position) = self.max_relative_positions else { return distance };
        let mid = (self.span / 2) as i64;
        let size = distance.abs();
        if size <= mid {
            return distance;
        }
        let scale = ((max_position as f32 - 1.0) / mid as f32).ln();
        let steps = (size as f32 / mid as f32).ln() / scale * (mid - 1) as f32;
        (steps.ceil() as i64).saturating_add(mid).saturating_mul(distance.signum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_distances_have_buckets_of_their_own_and_far_ones_share() {
        let buckets = mpnet_buckets();
        let of = |distance: i64| buckets[(distance + MPNET_MAX_DISTANCE as i64) as usize];
        assert_eq!([0, -1, -7, 1, 7].map(of), [0, 1, 7, 17, 23]);
        // Computed by the reference's function.
        assert_eq!([-8, -12, -20, -128, 8, 64, 128].map(of), [8, 9, 10, 15, 24, 30, 31]);
    }

    #[test]
    fn rows_of_distances_are_clamped_to_the_table() {
        let linear = Buckets { span: 3, max_relative_positions: None };
        assert_eq!(linear.rows(5), [0, 0, 1, 2, 3, 4, 5, 5, 5]);
    }

    #[test]
    fn far_distances_share_buckets_as_in_the_reference() {
        let buckets = Buckets { span: 8, max_relative_positions: Some(64) };
        let of: Vec<i64> = [0, 4, 5, 10, 11, 25, 26, 63].map(|d| buckets.bucket(d)).to_vec();
        // Computed by `make_log_bucket_position(torch.tensor([...]), 8, 64)`.
        assert_eq!(of, [0, 4, 5, 5, 6, 6, 7, 7]);
        assert_eq!(buckets.bucket(-26), -7);
    }

    #[test]
    fn position_0_is_not_rotated() {
        let table = Rotary { theta: 10_000.0, divisor: 1.0 }.table(2, 4);
        assert_eq!(table[..4], [1.0, 1.0, 0.0, 0.0]);
        let exact = [1f64.cos(), 0.01f64.cos(), 1f64.sin(), 0.01f64.sin()];
        for (found, exact) in table[4..].iter().zip(exact) {
            assert!((f64::from(*found) - exact).abs() < 1e-7, "{found}, {exact}");
        }
    }
}
