//! The kernel as a task of CubeCL: compiled by it, launched on its streams, in its memory.

use std::any::Any;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;
use burn_std::DType;
use cubecl::cuda::{CudaCompiler, CudaRuntime};
use cubecl::ir::{ElemType, StorageType, UIntKind};
use cubecl::prelude::*;
use cubecl::server::{
    Binding, Handle, KernelArguments, MetadataBindingInfo, TensorMapBinding, TensorMapMeta,
};
use cubecl::zspace::metadata::Metadata;
use cubecl::{CompilationError, CubeTask};
use cubecl_cpp::ComputeKernel;
use cubecl_cpp::shared::{Body, Elem, Flags, Item, SharedMemory};

use super::schedule::Schedule;
use super::sizes::{
    ALIGNMENT, COPIED_ROWS, Epilogue, Number, OUT_TILE, SHARED_BYTES, THREADS, TILE_DEPTH,
    TILE_ROWS, Variant,
};
use crate::launch::dims;

/// CUDA's client, if that is the runtime.
pub(super) fn cuda_client<R: CubeRuntime>(
    client: &ComputeClient<R>,
) -> Option<&ComputeClient<CudaRuntime>> {
    (client as &dyn Any).downcast_ref()
}

/// The type of a tensor, if the kernel has it.
pub(super) fn number_of(dtype: DType) -> Option<Number> {
    match dtype {
        DType::BF16 => Some(Number::Bf16),
        DType::F16 => Some(Number::F16),
        _ => None,
    }
}

/// Launches a layer into `y`. All tensors are contiguous.
///
/// # Shapes
/// `x` `[tokens, in]`, `weight` `[out, in]`, `y` `[tokens, out]`, of the variant's type; `bias`
/// `[out]` `f32`, if the variant has one.
pub(super) fn layer<R: CubeRuntime>(
    client: &ComputeClient<CudaRuntime>,
    variant: Variant,
    schedule: Schedule,
    [x, weight, y]: [&CubeTensor<R>; 3],
    bias: Option<&CubeTensor<R>>,
) {
    let maps = vec![
        map(x, [TILE_ROWS, TILE_DEPTH]),
        map(weight, [COPIED_ROWS, TILE_DEPTH]),
        map(y, [OUT_TILE, OUT_TILE]),
    ];
    let buffers = [x, weight, y, bias.unwrap_or(weight)].map(binding).into();
    // SAFETY: the copy engine stays within the maps, which have the tensors' shapes. The kernel
    // reads the bias below its columns, and only if the variant has one.
    unsafe { launch(client, variant, maps, buffers, schedule, 0) }
}

/// Launches the head, which raises the bits in `largest`. All tensors are contiguous.
///
/// # Shapes
/// `x` `[tokens, hidden]`, `decoder` `[vocab, hidden]`, of the variant's type; `bias` `[vocab]`
/// `f32`, `text_of` `[tokens]` `u32`, `largest` `[texts * vocab]` `u32`.
pub(super) fn head<R: CubeRuntime>(
    client: &ComputeClient<CudaRuntime>,
    variant: Variant,
    schedule: Schedule,
    [x, decoder, bias, largest]: [&CubeTensor<R>; 4],
    text_of: Handle,
) {
    let maps = vec![map(decoder, [TILE_ROWS, TILE_DEPTH]), map(x, [COPIED_ROWS, TILE_DEPTH])];
    let buffers =
        vec![binding(decoder), binding(x), binding(largest), text_of.binding(), binding(bias)];
    let vocab = dims(decoder)[0];
    // SAFETY: as for a layer; the kernel reads `text_of` below the tokens and the bias below the
    // words, and writes words below `vocab` of texts that `text_of` names.
    unsafe { launch(client, variant, maps, buffers, schedule, vocab) }
}

/// # Safety
/// The kernel trusts the shapes of maps and buffers: they are those that `schedule` was made of.
unsafe fn launch(
    client: &ComputeClient<CudaRuntime>,
    variant: Variant,
    maps: Vec<TensorMapBinding>,
    buffers: Vec<Binding>,
    schedule: Schedule,
    vocab: usize,
) {
    let multiprocessors = client.properties().hardware.num_streaming_multiprocessors;
    let blocks = schedule.blocks(multiprocessors.unwrap_or(1) as usize);
    let arguments = KernelArguments::new()
        .with_tensor_maps(maps)
        .with_buffers(buffers)
        .with_info(numbers(schedule.arguments(vocab)));
    // SAFETY: as the caller promises.
    unsafe {
        client.launch_unchecked(Box::new(variant), CubeCount::Static(blocks, 1, 1), arguments);
    }
}

/// The struct `Args` of the kernel. Nothing of it counts as dynamic metadata, which each launch
/// would copy to the device once more.
fn numbers(arguments: [u32; 8]) -> MetadataBindingInfo {
    let pairs = arguments.chunks(2);
    let data: Vec<u64> = pairs.map(|two| u64::from(two[0]) | u64::from(two[1]) << 32).collect();
    let end = data.len();
    MetadataBindingInfo::new(data, end)
}

fn binding<R: CubeRuntime>(tensor: &CubeTensor<R>) -> Binding {
    tensor.handle.clone().binding()
}

/// How the copy engine sees a matrix: rows and columns of a copy; beyond its edges are zeros.
fn map<R: CubeRuntime>(tensor: &CubeTensor<R>, tile: [usize; 2]) -> TensorMapBinding {
    let [rows, columns] = dims(tensor);
    let map = TensorMapMeta {
        format: TensorMapFormat::Tiled(TiledArgs { tile_size: tile.into() }),
        metadata: Metadata::new([rows, columns], [columns, 1]),
        elem_stride: [1usize, 1].into(),
        interleave: TensorMapInterleave::None,
        swizzle: TensorMapSwizzle::B128,
        prefetch: TensorMapPrefetch::B128,
        oob_fill: OobFill::Zero,
        storage_ty: tensor.dtype.into(),
    };
    TensorMapBinding { binding: binding(tensor), map }
}

impl KernelMetadata for Variant {
    /// CubeCL keeps compiled kernels by this, also on disk, so it has a hash of the text, made
    /// once: each launch asks for it.
    fn id(&self) -> KernelId {
        static TEXTS: LazyLock<u64> = LazyLock::new(|| {
            let mut hasher = DefaultHasher::new();
            for epilogue in Epilogue::ALL {
                Variant { epilogue, number: Number::Bf16 }.text().hash(&mut hasher);
            }
            hasher.finish()
        });
        KernelId::new::<Self>().info((*self, *TEXTS)).cube_dim(CubeDim::new_1d(THREADS as u32))
    }

    fn address_type(&self) -> StorageType {
        StorageType::Scalar(ElemType::UInt(UIntKind::U32))
    }
}

impl CubeTask<CudaCompiler> for Variant {
    fn compile(
        &self,
        _compiler: &mut CudaCompiler,
        _options: &<CudaCompiler as cubecl::Compiler>::CompilationOptions,
        _mode: ExecutionMode,
        _address: StorageType,
    ) -> Result<CompiledKernel<CudaCompiler>, CompilationError> {
        let byte = Item::scalar(Elem::U8, false);
        let cube_dim = CubeDim::new_1d(THREADS as u32);
        // Of a kernel with a text of its own, CubeCL reads only the size of the shared memory.
        let body = Body {
            instructions: Vec::new(),
            shared_memories: vec![SharedMemory::new_array(0, byte, SHARED_BYTES, ALIGNMENT)],
            pipelines: Vec::new(),
            barriers: Vec::new(),
            const_arrays: Vec::new(),
            local_arrays: Vec::new(),
            info_by_ptr: false,
            has_dynamic_meta: false,
            address_type: byte,
        };
        let kernel = ComputeKernel {
            tensor_maps: Vec::new(),
            buffers: Vec::new(),
            scalars: Vec::new(),
            info: Default::default(),
            meta_static_len: 0,
            body,
            cube_dim,
            cluster_dim: None,
            extensions: Vec::new(),
            flags: Flags::default(),
            items: HashSet::new(),
            kernel_name: self.entry(),
        };
        Ok(CompiledKernel {
            entrypoint_name: self.entry(),
            debug_name: Some("splade_hopper"),
            source: self.text(),
            repr: Some(kernel),
            cube_dim,
            debug_info: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_struct_in_its_order() {
        let info = numbers([1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(bytemuck::cast_slice::<u64, u32>(&info.data), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(info.dynamic_metadata_offset, info.data.len());
    }

    #[test]
    fn cubecl_reserves_the_shared_memory_of_a_card() {
        let variant = Variant { epilogue: Epilogue::Head, number: Number::F16 };
        let compiled = variant
            .compile(
                &mut Default::default(),
                &Default::default(),
                ExecutionMode::Unchecked,
                variant.address_type(),
            )
            .unwrap();
        assert_eq!(compiled.repr.unwrap().shared_memory_size(), SHARED_BYTES);
        // What a block may have on capability 9.0.
        const { assert!(SHARED_BYTES <= 227 << 10) };
    }

    #[test]
    fn each_variant_has_an_id_of_its_own() {
        let ids = Epilogue::ALL.into_iter().flat_map(|epilogue| {
            [Number::Bf16, Number::F16]
                .map(|number| Variant { epilogue, number }.id().stable_format())
        });
        assert_eq!(ids.collect::<HashSet<_>>().len(), 8);
    }
}
