//! What a pickle of `torch.save` produces: plain values, and tensors without their numbers.

use safetensors::Dtype;

use super::PytorchError;
use super::bytes::Bytes;
use super::machine::Machine;

/// A value of a pickle.
///
/// Containers are indices into a list in [`Pickle`]. So values are small, may form cycles, and are
/// dropped without recursion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits: its bytes, little-endian.
    Long(&'a [u8]),
    /// A float; its value is dropped, since no float of a state dict's pickle matters to us.
    Float,
    Str(&'a str),
    Global(Global),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Storage(usize),
    Tensor(usize),
}

/// The functions and classes that a state dict needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

impl Global {
    /// # Errors
    /// It is not one of ours.
    pub(super) fn named(module: &str, name: &str) -> Result<Self, PytorchError> {
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            // The first is older and has no arguments after the strides.
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", "FloatStorage") => Self::Storage(Dtype::F32),
            ("torch", "HalfStorage") => Self::Storage(Dtype::F16),
            ("torch", "BFloat16Storage") => Self::Storage(Dtype::BF16),
            ("torch", "DoubleStorage") => Self::Storage(Dtype::F64),
            ("torch", "LongStorage") => Self::Storage(Dtype::I64),
            ("torch", "IntStorage") => Self::Storage(Dtype::I32),
            ("torch", "ShortStorage") => Self::Storage(Dtype::I16),
            ("torch", "CharStorage") => Self::Storage(Dtype::I8),
            ("torch", "ByteStorage") => Self::Storage(Dtype::U8),
            ("torch", "BoolStorage") => Self::Storage(Dtype::BOOL),
            _ => return Err(PytorchError::Global { name: format!("{module}.{name}") }),
        })
    }
}

/// The numbers of one or more tensors, by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Storage<'a> {
    pub(super) key: &'a str,
    pub(super) dtype: Dtype,
    pub(super) n_elements: usize,
}

/// A tensor as the pickle describes it, not yet checked against its storage.
#[derive(Debug)]
pub(super) struct Tensor {
    /// An index in [`Pickle::storages`].
    pub(super) storage: usize,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Everything that a pickle produces.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    pub(super) root: Value<'a>,
    /// Tuples, lists and dictionaries; a dictionary alternates keys and values.
    pub(super) objects: Vec<Vec<Value<'a>>>,
    pub(super) storages: Vec<Storage<'a>>,
    pub(super) tensors: Vec<Tensor>,
}

impl<'a> Pickle<'a> {
    /// Reads one pickle to its end.
    ///
    /// # Errors
    /// It is truncated or broken, or does something that a state dict does not need.
    pub(super) fn read(bytes: &mut Bytes<'a>) -> Result<Self, PytorchError> {
        Machine::new(bytes).run()
    }
}
