//! Gathers the non-zero entries of rows, or the largest of them, on the device, so that only these
//! are copied to the host.

use burn_cubecl::CubeRuntime;
use burn_cubecl::cubecl;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use cubecl::server::Handle;
use splade_kernels::SparseRows;

use crate::launch::{cubes, dims, is_f32};

/// Units that share a row.
const UNITS: u32 = 256;
/// All bits of a number except its sign.
const MAGNITUDE: u32 = 0x7fff_ffff;

/// The non-zero entries of `rows`, including NaN; `None` if a row has more than `capacity`. With
/// `keep`, only that many largest entries of each row; of equal ones, those of lower columns.
/// `keep` requires rows that are >= 0 or NaN; NaN counts as the largest.
///
/// # Shapes
/// `rows` `[rows, columns]`, `f32`.
///
/// # Errors
/// The device's message if it cannot compute or be read.
///
/// # Panics
/// If the rows are not `f32`.
pub fn compact<R: CubeRuntime>(
    rows: CubeTensor<R>,
    capacity: usize,
    keep: Option<usize>,
) -> Result<Option<SparseRows>, String> {
    let rows = into_contiguous(rows);
    assert!(is_f32(Some(&rows)), "rows are not f32");
    let [n_rows, columns] = dims(&rows);
    if n_rows == 0 || columns == 0 {
        return Ok(Some(SparseRows { offsets: vec![0; n_rows + 1], ..Default::default() }));
    }
    let capacity = capacity.clamp(1, columns);
    let client = rows.client.clone();
    let counts = client.empty(n_rows * size_of::<u32>());
    let slots = n_rows * capacity;
    let indices = client.empty(slots * size_of::<u32>());
    let values = client.empty(slots * size_of::<f32>());
    // SAFETY: the arrays have the given lengths; the kernel reads columns below `columns` and
    // writes slots below `capacity`, in rows below the number of cubes.
    unsafe {
        compact_kernel::launch_unchecked(
            &client,
            cubes(n_rows),
            CubeDim::new_1d(UNITS),
            rows.into_array_arg(),
            ArrayArg::from_raw_parts(counts.clone(), n_rows),
            ArrayArg::from_raw_parts(indices.clone(), slots),
            ArrayArg::from_raw_parts(values.clone(), slots),
            n_rows as u32,
            columns as u32,
            capacity as u32,
        );
    }
    // The number of entries to read from each row, and arrays with `width` slots per row.
    let (mut width, mut kept) = (capacity, [counts.clone(), indices, values]);
    if let Some(keep) = keep.filter(|keep| *keep < capacity) {
        width = keep.max(1);
        kept = largest(&client, &kept, n_rows, capacity, width);
    }
    let [kept_counts, indices, values] = kept;
    let read =
        cubecl::future::block_on(client.read_async(vec![counts, kept_counts, indices, values]));
    let read = read.map_err(|error| format!("{error:?}"))?;
    let [counts, kept_counts, indices, values] = &read[..] else {
        return Err("the device returned other arrays than requested".to_owned());
    };
    let counts: &[u32] = bytemuck::cast_slice(counts);
    if counts.iter().any(|&count| count as usize > capacity) {
        return Ok(None);
    }
    let (kept_counts, indices): (&[u32], &[u32]) =
        (bytemuck::cast_slice(kept_counts), bytemuck::cast_slice(indices));
    let values: &[f32] = bytemuck::cast_slice(values);
    let mut sparse = SparseRows { offsets: vec![0], ..Default::default() };
    for (row, &count) in kept_counts.iter().enumerate() {
        let slots = row * width..row * width + count as usize;
        sparse.indices.extend_from_slice(&indices[slots.clone()]);
        sparse.values.extend_from_slice(&values[slots]);
        sparse.offsets.push(sparse.indices.len());
    }
    Ok(Some(sparse))
}

/// The largest `keep` of each row's entries, from the output of `compact_kernel`: counts, columns
/// and values, with `keep` slots per row.
fn largest<R: CubeRuntime>(
    client: &ComputeClient<R>,
    [counts, indices, values]: &[Handle; 3],
    n_rows: usize,
    capacity: usize,
    keep: usize,
) -> [Handle; 3] {
    let (from, to) = (n_rows * capacity, n_rows * keep);
    let kept = [n_rows, to, to].map(|slots| client.empty(slots * size_of::<u32>()));
    // SAFETY: the arrays have the given lengths; in each row, the kernel reads slots below its
    // count and `capacity`, and writes slots below `keep`.
    unsafe {
        largest_kernel::launch_unchecked(
            client,
            cubes(n_rows),
            CubeDim::new_1d(UNITS),
            ArrayArg::from_raw_parts(counts.clone(), n_rows),
            ArrayArg::from_raw_parts(indices.clone(), from),
            ArrayArg::from_raw_parts(values.clone(), from),
            ArrayArg::from_raw_parts(kept[0].clone(), n_rows),
            ArrayArg::from_raw_parts(kept[1].clone(), to),
            ArrayArg::from_raw_parts(kept[2].clone(), to),
            n_rows as u32,
            capacity as u32,
            keep as u32,
        );
    }
    kept
}

/// One cube per row. Each unit owns consecutive columns: it counts its entries, derives its first
/// slot from the counts before it, and writes them.
#[cube(launch_unchecked)]
fn compact_kernel(
    rows: &Array<f32>,
    counts: &mut Array<u32>,
    indices: &mut Array<u32>,
    values: &mut Array<f32>,
    n_rows: u32,
    columns: u32,
    capacity: u32,
) {
    let row = CUBE_POS;
    if row >= n_rows as usize {
        terminate!();
    }
    let unit = UNIT_POS;
    let span = columns.div_ceil(UNITS);
    let first = min(unit * span, columns);
    let end = min(first + span, columns);
    let start = row * columns as usize;
    let mut count = 0u32;
    for column in first..end {
        if is_there(rows[start + column as usize]) {
            count += 1u32;
        }
    }
    let mut shared = SharedMemory::<u32>::new(UNITS as usize);
    let mut slot = total_before(count, unit, &mut shared);
    for column in first..end {
        let value = rows[start + column as usize];
        if is_there(value) {
            if slot < capacity {
                indices[row * capacity as usize + slot as usize] = column;
                values[row * capacity as usize + slot as usize] = value;
            }
            slot += 1u32;
        }
    }
    if unit == UNITS - 1u32 {
        counts[row] = slot;
    }
}

/// One cube per row. The smallest number to keep is found bit by bit, from the highest, since
/// non-negative numbers are ordered like their bits. Of the entries equal to it, the first are
/// kept. Signs are masked out: a NaN may have one, and as the highest bit it would let more entries
/// compare above the smallest than there are slots.
#[cube(launch_unchecked)]
fn largest_kernel(
    counts: &Array<u32>,
    indices: &Array<u32>,
    values: &Array<f32>,
    kept_counts: &mut Array<u32>,
    kept_indices: &mut Array<u32>,
    kept_values: &mut Array<f32>,
    n_rows: u32,
    capacity: u32,
    keep: u32,
) {
    let row = CUBE_POS;
    if row >= n_rows as usize {
        terminate!();
    }
    let unit = UNIT_POS;
    let count = min(counts[row], capacity);
    let span = count.div_ceil(UNITS);
    let first = min(unit * span, count);
    let end = min(first + span, count);
    let from = row * capacity as usize;
    let mut shared = SharedMemory::<u32>::new(UNITS as usize);
    let mut least = 0u32;
    if count > keep {
        for step in 0u32..31u32 {
            let candidate = least | (1u32 << (30u32 - step));
            let mut own = 0u32;
            for slot in first..end {
                if magnitude(values[from + slot as usize]) >= candidate {
                    own += 1u32;
                }
            }
            if total_before(own, UNITS, &mut shared) >= keep {
                least = candidate;
            }
        }
    }
    let mut above = 0u32;
    let mut equal = 0u32;
    for slot in first..end {
        let bits = magnitude(values[from + slot as usize]);
        if bits > least {
            above += 1u32;
        } else if bits == least {
            equal += 1u32;
        }
    }
    // Entries equal to the smallest fill the slots that those above it leave.
    let all_above = total_before(above, UNITS, &mut shared);
    let room = min(keep, count) - min(all_above, min(keep, count));
    let mut above_before = total_before(above, unit, &mut shared);
    let mut equal_before = total_before(equal, unit, &mut shared);
    let to = row * keep as usize;
    for slot in first..end {
        let value = values[from + slot as usize];
        let bits = magnitude(value);
        let at = to + (above_before + min(equal_before, room)) as usize;
        if bits > least || (bits == least && equal_before < room) {
            kept_indices[at] = indices[from + slot as usize];
            kept_values[at] = value;
        }
        if bits > least {
            above_before += 1u32;
        } else if bits == least {
            equal_before += 1u32;
        }
    }
    if unit == 0u32 {
        kept_counts[row] = min(count, keep);
    }
}

/// The sum over the units before `end`.
#[cube]
fn total_before(own: u32, end: u32, shared: &mut SharedMemory<u32>) -> u32 {
    sync_cube();
    shared[UNIT_POS as usize] = own;
    sync_cube();
    let mut total = 0u32;
    for before in 0..end {
        total += shared[before as usize];
    }
    total
}

/// Whether any bit other than the sign is set. Unlike a comparison, this includes NaN.
#[cube]
fn is_there(value: f32) -> bool {
    magnitude(value) != 0u32
}

/// The bits of a number without its sign.
#[cube]
fn magnitude(value: f32) -> u32 {
    u32::reinterpret(value) & MAGNITUDE
}
