// result = epilogue(A * B^T) on Hopper's matrix units. Both operands have the inner index last.
//
// A block has one warpgroup that requests copies, and two that multiply, 64 rows of the tile each.
// Blocks are persistent: each takes every n-th tile until none is left, so the copies of the next
// tile run during the epilogue of this one. The second multiplying warpgroup starts two steps after
// the first, so that the epilogue of one runs during the products of the other.
//
// sizes.rs defines the constants. schedule.rs has the order of tiles and stages, and pieces.rs the
// head's epilogue, as plain functions with tests: keep them alike.

typedef unsigned int u32;
typedef unsigned long long u64;

struct __align__(64) Map { u64 opaque[16]; };

// In the order of `Schedule::arguments`.
struct Args {
  u32 rows, columns;  // of the product: rows of A, rows of B
  u32 row_tiles, column_tiles, steps;
  u32 vocab;          // head only: words per row of the result
  u32 unused[2];
};

#define A_BYTES (TILE_ROWS * TILE_DEPTH * 2)
#define B_BYTES (TILE_COLUMNS * TILE_DEPTH * 2)
#define STAGE_BYTES (A_BYTES + B_BYTES)
#define OUT_BYTES (OUT_TILE * OUT_TILE * 2)
#define OUT_OFFSET (STAGES * STAGE_BYTES)
#define BARRIERS (OUT_OFFSET + 4 * OUT_BYTES)
#define WARPGROUP 128
// Named barriers; 0 is __syncthreads.
#define BARRIER_OF_HALF 1
#define BARRIER_OF_START 3

__device__ __forceinline__ u32 shared_address(const void *p) {
  return static_cast<u32>(__cvta_generic_to_shared(p));
}
__device__ __forceinline__ void barrier_init(u32 barrier, u32 count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
}
__device__ __forceinline__ void barrier_wait(u32 barrier, u32 parity) {
  asm volatile(
      "{\n.reg .pred p;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
      "@p bra done;\n"
      "bra again;\n"
      "done:\n}\n" ::"r"(barrier), "r"(parity) : "memory");
}
__device__ __forceinline__ void barrier_expect(u32 barrier, u32 bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
      ::"r"(barrier), "r"(bytes) : "memory");
}
__device__ __forceinline__ void barrier_arrive(u32 barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
__device__ __forceinline__ void load_tile(u32 to, const Map *map, u32 barrier, int column, int row) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%3, %4}], [%2];"
      ::"r"(to), "l"(map), "r"(barrier), "r"(column), "r"(row) : "memory");
}
__device__ __forceinline__ void store_tile(const Map *map, u32 from, int column, int row) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];"
      ::"l"(map), "r"(from), "r"(column), "r"(row) : "memory");
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}
__device__ __forceinline__ void named_sync(u32 id, u32 threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
__device__ __forceinline__ void named_arrive(u32 id, u32 threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
// Rows of 128 bytes, swizzled by 128; groups of eight rows are 1,024 bytes apart.
__device__ __forceinline__ u64 descriptor(u32 address) {
  u64 d = (u64)((address & 0x3ffff) >> 4);
  d |= (u64)1 << 16;
  d |= (u64)(1024 >> 4) << 32;
  d |= (u64)1 << 62;
  return d;
}

// MULTIPLY_64x256x16

// Starts the products of one stage. `keep` is a constant where this is inlined: with a variable,
// ptxas would wait after each instruction (C7515).
__device__ __forceinline__ void multiply(float (&sums)[128], u32 stage, u32 half, int keep) {
  const u32 a = stage + half * (A_BYTES / 2), b = stage + A_BYTES;
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
  for (int part = 0; part < TILE_DEPTH / 16; part++)
    multiply_16(sums, descriptor(a + 32 * part), descriptor(b + 32 * part), keep | (part > 0));
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

struct Tile { u32 row, column; };

// `Schedule::tile`: GROUP rows of tiles side by side, column by column.
__device__ __forceinline__ Tile tile_of(u32 index, const Args &args) {
  const u32 per_group = GROUP * args.column_tiles;
  const u32 first = index / per_group * GROUP, rest = index % per_group;
  const u32 here = min((u32)GROUP, args.row_tiles - first);
  Tile tile;
  tile.row = first + rest % here;
  tile.column = rest / here;
  return tile;
}

#if EPILOGUE != HEAD
// Two numbers of the result, the first in the lower half.
__device__ __forceinline__ u32 pair(float first, float second) {
  u32 packed;
#if IS_F16
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(second), "f"(first));
#else
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(second), "f"(first));
#endif
  return packed;
}
#if EPILOGUE == GELU
// gelu.rs states the error. The unit's tanh is within 2^-11, which bf16's rounding hides and
// f16's does not: there, (1 + tanh(u)) / 2 = 1 / (1 + 2^(-2 u log2(e))).
__device__ __forceinline__ float gelu(float x) {
  const float s = fminf(x * x, GELU_LIMIT);
  const float u = x * fmaf(fmaf(s, GELU_2, GELU_1), s, GELU_0);
#if IS_F16
  float power, share;
  asm("ex2.approx.f32 %0, %1;" : "=f"(power) : "f"(u * -2.88539008f));
  asm("rcp.approx.f32 %0, %1;" : "=f"(share) : "f"(1.0f + power));
  return x * share;
#else
  float t;
  asm("tanh.approx.f32 %0, %1;" : "=f"(t) : "f"(u));
  const float h = 0.5f * x;
  return fmaf(h, t, h);
#endif
}
#endif
#else
// The larger, or NaN if either is NaN.
__device__ __forceinline__ float largest(float a, float b) {
  float c;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(c) : "f"(a), "f"(b));
  return c;
}
// Raises the logit of a word in a text to the largest that the four threads of a row saw. The bits
// of numbers above zero are in the order of the numbers, and those of NaN are above them all.
__device__ __forceinline__ void raise(u32 *result, const Args &args, u32 text, u32 word, float best,
                                      float bias) {
  best = largest(best, __shfl_xor_sync(~0u, best, 1));
  best = largest(best, __shfl_xor_sync(~0u, best, 2));
  const float logit = best + bias;
  const u32 bits = __float_as_uint(logit);
  const bool broken = (bits & 0x7f800000u) == 0x7f800000u;
  if ((threadIdx.x & 3) == 0 && word < args.rows && (broken || logit > 0.0f))
    atomicMax(result + (u64)text * args.vocab + word, broken ? 0x7fc00000u : bits);
}
#endif

// Parameters in CubeCL's order: the maps; the addresses of what they are maps of; the buffers; the
// numbers. The first buffers repeat those addresses: CubeCL orders streams by buffers alone.
extern "C" __global__ void __launch_bounds__(THREADS, 1)
ENTRY(const __grid_constant__ Map map_a, const __grid_constant__ Map map_b,
#if EPILOGUE != HEAD
      const __grid_constant__ Map map_result,
      const void *, const void *, const void *, const void *, const void *, const void *,
#else
      const void *, const void *, const void *, const void *, u32 *__restrict__ result,
      const u32 *__restrict__ text_of,
#endif
      const float *__restrict__ bias, const __grid_constant__ Args args) {
  extern __shared__ __align__(1024) unsigned char raw[];
  const u32 base = (shared_address(raw) + ALIGNMENT - 1) & ~(u32)(ALIGNMENT - 1);
  const u32 full = base + BARRIERS, empty = full + STAGES * 8;
  const u32 thread = threadIdx.x % WARPGROUP;
  const u32 warpgroup = __shfl_sync(~0u, threadIdx.x / WARPGROUP, 0);

  if (threadIdx.x == 0) {
    for (int s = 0; s < STAGES; s++) {
      barrier_init(full + 8 * s, 1);
      // Each of the eight multiplying warps says that it has read the stage.
      barrier_init(empty + 8 * s, 8);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  }
  __syncthreads();

  const u32 tiles = args.row_tiles * args.column_tiles;
  const u32 first = blockIdx.x;

  if (warpgroup == 0) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
    if (threadIdx.x == 0) {
      u32 stage = 0, phase = 0;
      for (u32 i = first; i < tiles; i += gridDim.x) {
        const Tile tile = tile_of(i, args);
        for (u32 step = 0; step < args.steps; step++) {
          const u32 a = base + stage * STAGE_BYTES, b = a + A_BYTES, barrier = full + 8 * stage;
          barrier_wait(empty + 8 * stage, phase ^ 1);
          barrier_expect(barrier, STAGE_BYTES);
          const int depth = step * TILE_DEPTH;
          load_tile(a, &map_a, barrier, depth, tile.row * TILE_ROWS);
#pragma unroll
          for (u32 row = 0; row < TILE_COLUMNS; row += COPIED_ROWS)
            load_tile(b + row * TILE_DEPTH * 2, &map_b, barrier, depth,
                      tile.column * TILE_COLUMNS + row);
          if (++stage == STAGES) { stage = 0; phase ^= 1; }
        }
      }
    }
    __syncwarp();
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
    const u32 half = warpgroup - 1;
    const u32 lane = thread % 32, warp = thread / 32;
    u32 stage = 0, phase = 0;
    // Whether the other half still waits to start.
    bool holds = half == 0;
    if (half == 1 && first < tiles) named_sync(BARRIER_OF_START, 2 * WARPGROUP);
    for (u32 i = first; i < tiles; i += gridDim.x) {
      const Tile tile = tile_of(i, args);
      float sums[128];
      u32 last = stage;
      // The first step is written out, since it does not add to sums.
      barrier_wait(full + 8 * stage, phase);
      multiply(sums, base + stage * STAGE_BYTES, half, 0);
      if (++stage == STAGES) { stage = 0; phase ^= 1; }
      for (u32 step = 1; step < args.steps; step++) {
        barrier_wait(full + 8 * stage, phase);
        multiply(sums, base + stage * STAGE_BYTES, half, 1);
        asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
        if (lane == 0) barrier_arrive(empty + 8 * last);
        if (holds && step == 1) { named_arrive(BARRIER_OF_START, 2 * WARPGROUP); holds = false; }
        last = stage;
        if (++stage == STAGES) { stage = 0; phase ^= 1; }
      }
      asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
      if (lane == 0) barrier_arrive(empty + 8 * last);
      if (holds) { named_arrive(BARRIER_OF_START, 2 * WARPGROUP); holds = false; }

#if EPILOGUE != HEAD
      // Squares of 64 x 64 are packed into shared memory, two buffers in turns, and copied out from
      // there; the copy leaves out what is beyond the result's edges.
      const u32 out = base + OUT_OFFSET + half * 2 * OUT_BYTES;
      const u32 row = 16 * warp + lane % 8 + 8 * (lane / 8 % 2);
#pragma unroll
      for (int square = 0; square < TILE_COLUMNS / OUT_TILE; square++) {
        const u32 buffer = out + (square % 2) * OUT_BYTES;
        if (thread == 0) asm volatile("cp.async.bulk.wait_group.read 1;" ::: "memory");
        named_sync(BARRIER_OF_HALF + half, WARPGROUP);
#pragma unroll
        for (int part = 0; part < OUT_TILE / 16; part++) {
          const int at = 32 * square + 8 * part;
          float v[8];
#pragma unroll
          for (int j = 0; j < 8; j++) v[j] = sums[at + j];
#if EPILOGUE == BIAS || EPILOGUE == GELU
          const u32 column =
              tile.column * TILE_COLUMNS + OUT_TILE * square + 16 * part + 2 * (lane % 4);
#pragma unroll
          for (int j = 0; j < 8; j++) {
            const u32 c = column + 8 * (j / 4) + j % 2;
            v[j] += c < args.columns ? __ldg(bias + c) : 0.0f;
#if EPILOGUE == GELU
            v[j] = gelu(v[j]);
#endif
          }
#endif
          const u32 chunk = 2 * part + lane / 16;
          const u32 to = buffer + row * 128 + ((chunk ^ (row & 7)) << 4);
          asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(to),
                       "r"(pair(v[0], v[1])), "r"(pair(v[2], v[3])), "r"(pair(v[4], v[5])),
                       "r"(pair(v[6], v[7])) : "memory");
        }
        asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
        named_sync(BARRIER_OF_HALF + half, WARPGROUP);
        if (thread == 0)
          store_tile(&map_result, buffer, tile.column * TILE_COLUMNS + OUT_TILE * square,
                     tile.row * TILE_ROWS + OUT_TILE * half);
      }
#else
      // Rows are words, columns are tokens: a thread has two words and, of each eight tokens, two.
      const u32 word = tile.row * TILE_ROWS + 64 * half + 16 * warp + lane / 4;
      const u32 token = tile.column * TILE_COLUMNS;
      const float bias0 = word < args.rows ? __ldg(bias + word) : 0.0f;
      const float bias1 = word + 8 < args.rows ? __ldg(bias + word + 8) : 0.0f;
      // Of the eight tokens of each lane: are they of one text, and is it the text before?
      const u32 none = 0xffffffffu;
      const u32 t0 = token + 8 * lane, t7 = t0 + 7;
      const u32 text0 = t0 < args.columns ? __ldg(text_of + t0) : none;
      const u32 text7 = t7 < args.columns ? __ldg(text_of + t7) : none;
      const u32 before =
          lane == 0 ? text0 : (t0 - 1 < args.columns ? __ldg(text_of + t0 - 1) : none);
      const u32 mixed = __ballot_sync(~0u, text0 != text7);
      const u32 starts = __ballot_sync(~0u, text0 != before);
      const float low = __uint_as_float(0xff800000u);
      float best0 = low, best1 = low;
      u32 text = __shfl_sync(~0u, text0, 0);
#pragma unroll
      for (int j = 0; j < 32; j++) {
        if ((starts >> j) & 1) {
          if (text != none) {
            raise(result, args, text, word, best0, bias0);
            raise(result, args, text, word + 8, best1, bias1);
          }
          best0 = low;
          best1 = low;
          text = __shfl_sync(~0u, text0, j);
        }
        if (!((mixed >> j) & 1)) {
          best0 = largest(best0, largest(sums[4 * j], sums[4 * j + 1]));
          best1 = largest(best1, largest(sums[4 * j + 2], sums[4 * j + 3]));
        } else {
#pragma unroll 1
          for (u32 c = 0; c < 8; c++) {
            const u32 t = token + 8 * j + c;
            const u32 own = t < args.columns ? __ldg(text_of + t) : none;
            if (own != text) {
              if (text != none) {
                raise(result, args, text, word, best0, bias0);
                raise(result, args, text, word + 8, best1, bias1);
              }
              best0 = low;
              best1 = low;
              text = own;
            }
            if (lane % 4 == c / 2) {
              best0 = largest(best0, c % 2 ? sums[4 * j + 1] : sums[4 * j]);
              best1 = largest(best1, c % 2 ? sums[4 * j + 3] : sums[4 * j + 2]);
            }
          }
        }
      }
      if (text != none) {
        raise(result, args, text, word, best0, bias0);
        raise(result, args, text, word + 8, best1, bias1);
      }
#endif
    }
#if EPILOGUE != HEAD
    if (thread == 0) asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
#endif
  }
}
