//! Errors about files of `torch.save`.

/// Why a file of PyTorch could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PytorchError {
    /// It does not start like a file of `torch.save`.
    #[error("not a file of torch.save: neither a zip archive nor the format before PyTorch 1.6")]
    UnknownForm,
    /// It ends too early.
    #[error("the file is cut short")]
    Truncated,
    /// The numbers are not little-endian.
    #[error("the numbers are not stored little-endian")]
    ByteOrder,
    /// The zip archive is broken.
    #[error("broken zip archive: {what}")]
    #[non_exhaustive]
    Archive {
        /// What is wrong.
        what: &'static str,
    },
    /// The zip archive lacks a record.
    #[error("the zip archive has no `{name}`")]
    #[non_exhaustive]
    RecordMissing {
        /// Its name, below the archive's folder.
        name: String,
    },
    /// A record of the zip archive is compressed or encrypted.
    #[error("`{name}` of the zip archive is compressed or encrypted, which torch.save never does")]
    #[non_exhaustive]
    RecordEncoded {
        /// Its name.
        name: String,
    },
    /// The pickle uses an opcode that `torch.save` does not write for a state dict.
    #[error("pickle opcode {opcode:#04x} at byte {at} is refused: it could run code")]
    #[non_exhaustive]
    Opcode {
        /// The opcode.
        opcode: u8,
        /// Its byte offset in the pickle.
        at: usize,
    },
    /// The pickle names a function or class that a state dict does not need.
    #[error("pickle global `{name}` is refused: it could run code")]
    #[non_exhaustive]
    Global {
        /// Its module and name.
        name: String,
    },
    /// The pickle is broken.
    #[error("broken pickle at byte {at}: {what}")]
    #[non_exhaustive]
    Pickle {
        /// The byte offset.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The pickle has more opcodes than any state dict.
    #[error("the pickle has more than {limit} steps")]
    #[non_exhaustive]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The headers of the old format are not as `torch.save` writes them.
    #[error("broken header: {what}")]
    #[non_exhaustive]
    Header {
        /// What is wrong.
        what: &'static str,
    },
    /// What was saved is not a dictionary of tensors.
    #[error("not a state dict: the file holds something other than a dictionary")]
    NotAStateDict,
    /// An entry of the dictionary is not a named tensor.
    #[error("not a state dict: entry `{name}` is not a tensor")]
    #[non_exhaustive]
    NotATensor {
        /// Its key.
        name: String,
    },
    /// Two entries of the dictionary have one name.
    #[error("tensor `{name}` occurs twice")]
    #[non_exhaustive]
    TensorTwice {
        /// The name.
        name: String,
    },
    /// A tensor does not lie inside its storage.
    #[error("tensor `{name}`: {what}")]
    #[non_exhaustive]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        what: &'static str,
    },
}
